import { z } from 'zod';
import { objectMeta, type ObjectMeta } from '../api/objectMeta.ts';
import { isNotFound } from '../runtime/apiError.ts';
import type { ListOptions, ListWatch, Page, WatchEvent, WatchOptions } from '../runtime/listWatch.ts';
import type { Identified } from '../runtime/identified.ts';
import { lines } from './lines.ts';
import type { Answer, Request } from './transport.ts';
import { parseWatchLine } from './watchLine.ts';

/** Which resource of the API server. */
export interface Resource {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
}

/** What the client asks of a transport. */
interface Http {
  send(request: Request): Promise<Answer>;
  stream(request: Request): AsyncIterable<Uint8Array>;
}

export interface ResourceClientOptions<T> {
  readonly transport: Http;
  readonly resource: Resource;
  /** Gives what is kept of an object, or throws. */
  readonly parse: (value: unknown) => T;
  /** Whether lists and watches are asked for metadata alone. */
  readonly metadataOnly?: boolean;
  /** An object of a list or a watch could not be parsed and is left out; `where` is its namespace and name. */
  readonly onUnparsable: (where: string, error: unknown) => void;
}

/** Which objects: of one namespace or, where it is absent, of all. */
export interface Selection {
  readonly namespace?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly labelSelector?: string | undefined;
}

/** What must still be true of the object for a delete to go ahead; else it is a 409. */
export interface Preconditions {
  readonly uid: string;
  readonly resourceVersion: string;
}

const partial = (kind: string): string => `application/json;as=${kind};g=meta.k8s.io;v=v1`;
const METADATA_PAGE = 500;

const listSchema = z.object({
  metadata: z.object({ resourceVersion: z.string().default(''), continue: z.string().optional() }),
  items: z.array(z.unknown()).nullish(),
});
/** What is read of an object that is only written. */
export const metadataOnly = z.object({ metadata: objectMeta });

/** One resource of the API server. Every method throws an ApiError, a TransportError, or the signal's reason. */
export class ResourceClient<T extends Identified> {
  readonly #options: ResourceClientOptions<T>;
  readonly #apiVersion: string;
  readonly #root: string;

  constructor(options: ResourceClientOptions<T>) {
    this.#options = options;
    const { group, version } = options.resource;
    this.#apiVersion = group === '' ? version : `${group}/${version}`;
    this.#root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  }

  /** The object as it is now; undefined where the API server says that it does not exist. */
  async get(namespace: string, name: string, signal: AbortSignal): Promise<T | undefined> {
    try {
      return this.#options.parse(await this.#send('GET', this.#path(namespace, name), signal));
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** The metadata of everything in a namespace; includes all that was acknowledged before the call. */
  async listMetadata(namespace: string, signal: AbortSignal): Promise<ObjectMeta[]> {
    const found: ObjectMeta[] = [];
    let continueToken: string | undefined;
    do {
      const query = { limit: METADATA_PAGE, continue: continueToken };
      const accept = partial('PartialObjectMetadataList');
      const path = this.#path(namespace);
      const { body } = await this.#options.transport.send({ method: 'GET', path, query, accept, signal });
      const page = listSchema.parse(body);
      found.push(...(page.items ?? []).map((item) => metadataOnly.parse(item).metadata));
      continueToken = page.metadata.continue || undefined;
    } while (continueToken !== undefined);
    return found;
  }

  /**
   * Replaces the status of the object that has this UID and resource version (else a 409) and gives its new
   * metadata. Neither the spec goes along nor comes back: the API server keeps what it has.
   */
  async replaceStatus(
    metadata: Pick<ObjectMeta, 'namespace' | 'name' | 'uid' | 'resourceVersion'>,
    status: unknown,
    signal: AbortSignal,
  ): Promise<ObjectMeta> {
    const { namespace, name, uid, resourceVersion } = metadata;
    const body = {
      apiVersion: this.#apiVersion,
      kind: this.#options.resource.kind,
      metadata: { namespace, name, uid, resourceVersion },
      status,
    };
    const path = `${this.#path(namespace, name)}/status`;
    const accept = partial('PartialObjectMetadata');
    const answer = await this.#options.transport.send({ method: 'PUT', path, body, accept, signal });
    return metadataOnly.parse(answer.body).metadata;
  }

  async create(
    namespace: string,
    object: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Promise<T> {
    const body = { apiVersion: this.#apiVersion, kind: this.#options.resource.kind, ...object };
    return this.#options.parse(await this.#send('POST', this.#path(namespace), signal, body));
  }

  /** Merges `changes` into the object (RFC 7386). */
  async patch(namespace: string, name: string, changes: unknown, signal: AbortSignal): Promise<void> {
    await this.#options.transport.send({
      method: 'PATCH',
      path: this.#path(namespace, name),
      body: changes,
      contentType: 'application/merge-patch+json',
      accept: partial('PartialObjectMetadata'),
      signal,
    });
  }

  async delete(
    namespace: string,
    name: string,
    preconditions: Preconditions,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#send('DELETE', this.#path(namespace, name), signal, {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      preconditions,
    });
  }

  /** What a reflector needs to follow the objects of a selection. */
  listWatch(selection: Selection = {}): ListWatch<T> {
    return {
      list: (options, signal) => this.#list(selection, options, signal),
      watch: (options, signal) => this.#watch(selection, options, signal),
    };
  }

  async #list(selection: Selection, options: ListOptions, signal: AbortSignal): Promise<Page<T>> {
    const { fieldSelector, labelSelector } = selection;
    const { body, bytes } = await this.#options.transport.send({
      method: 'GET',
      path: this.#path(selection.namespace),
      query: { fieldSelector, labelSelector, limit: options.limit, continue: options.continueToken },
      accept: this.#acceptOf('PartialObjectMetadataList'),
      signal,
      timeoutMilliseconds: 60_000,
    });
    const { metadata, items } = listSchema.parse(body);
    return {
      items: (items ?? []).flatMap((item) => this.#parse(item) ?? []),
      resourceVersion: metadata.resourceVersion,
      continueToken: metadata.continue || undefined,
      bytes,
    };
  }

  async *#watch(
    selection: Selection,
    options: WatchOptions,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<T>, void, undefined> {
    const { fieldSelector, labelSelector } = selection;
    const { resourceVersion, sendInitialEvents, timeoutSeconds } = options;
    const initial = sendInitialEvents ? { sendInitialEvents, resourceVersionMatch: 'NotOlderThan' } : {};
    const chunks = this.#options.transport.stream({
      method: 'GET',
      path: this.#path(selection.namespace),
      query: {
        fieldSelector,
        labelSelector,
        watch: true,
        allowWatchBookmarks: true,
        resourceVersion,
        timeoutSeconds,
        ...initial,
      },
      accept: this.#acceptOf('PartialObjectMetadata'),
      signal,
    });
    for await (const line of lines(chunks)) {
      const event = parseWatchLine(line, (value) => this.#parse(value));
      if (event !== undefined) yield event;
    }
  }

  #acceptOf(kind: string): string | undefined {
    return this.#options.metadataOnly ? partial(kind) : undefined;
  }

  /** Items of a list come without kind and apiVersion; what is parsed does not need them. */
  #parse(value: unknown): T | undefined {
    try {
      return this.#options.parse(value);
    } catch (error) {
      const metadata = metadataOnly.safeParse(value).data?.metadata;
      this.#options.onUnparsable(metadata ? `${metadata.namespace}/${metadata.name}` : 'unknown', error);
      return undefined;
    }
  }

  async #send(
    method: Request['method'],
    path: string,
    signal: AbortSignal,
    body?: unknown,
  ): Promise<unknown> {
    return (await this.#options.transport.send({ method, path, body, signal })).body;
  }

  #path(namespace?: string, name?: string): string {
    const segments = [
      ...(namespace === undefined ? [] : ['namespaces', namespace]),
      this.#options.resource.plural,
      ...(name === undefined ? [] : [name]),
    ];
    return `${this.#root}/${segments.map(encodeURIComponent).join('/')}`;
  }
}
