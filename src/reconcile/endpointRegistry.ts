import type { UID } from '../api/objectMeta.ts';
import type { WebhookEndpoint } from '../api/webhookEndpoint.ts';
import type { Clock } from '../runtime/clock.ts';
import { allReferences, referencesOf, type ObjectKind } from '../delivery/references.ts';
import {
  resolveEndpoint,
  type EndpointConfig,
  type Resolution,
  type TlsConfig,
} from '../delivery/resolve.ts';
import type { ObservedObject } from '../delivery/readReference.ts';
import { sameConfig } from '../delivery/sameConfig.ts';
import type { EndpointView } from '../delivery/takeUp.ts';

/** The Secrets and ConfigMaps that are referenced, each watched as long as somebody has acquired it. */
export interface ReferencedObjects {
  acquire(kind: ObjectKind, namespace: string, name: string): void;
  release(kind: ObjectKind, namespace: string, name: string): void;
  read(kind: ObjectKind, namespace: string, name: string): ObservedObject;
}

export interface EndpointRegistryOptions {
  /** Reads an endpoint; nothing where there is none of that name. */
  readonly read: (namespace: string, name: string) => Promise<WebhookEndpoint | undefined>;
  /** Whether the store has the endpoint. */
  readonly isStored: (endpoint: WebhookEndpoint) => boolean;
  readonly clock: Clock;
  readonly objects: ReferencedObjects;
  readonly refusesUrl: (url: URL) => boolean;
  readonly checkTls: (tls: TlsConfig) => string | undefined;
  /** What the endpoint's attempts, and changes of it, mean for when its deliveries go. */
  readonly pace: (endpoint: WebhookEndpoint) => Pick<EndpointView, 'stoppedBy' | 'renewal'>;
  /** Called first where the spec is another one, or the content of what is referenced is, as far as it can be used. */
  readonly onNewContent: (endpoint: WebhookEndpoint, what: 'spec' | 'content') => void;
  /** Called when an endpoint's spec or what it references has changed, and when it is gone. */
  readonly onChange: (endpoint: WebhookEndpoint) => void;
}

interface Entry {
  endpoint: WebhookEndpoint;
  resolution?: Resolution;
  /** What was used last, under this spec. */
  config?: EndpointConfig;
}

type ObjectName = `${ObjectKind}/${string}`;

// By then the store has seen an endpoint that a read has shown, or it is gone again.
const ADOPTED_FOR_MILLISECONDS = 60_000;
// UIDs never come back; the bound only keeps the memory small.
const MAX_REMEMBERED = 10_000;

/**
 * What the process knows of endpoints by UID: those of the store, and those that a fence or a read has shown before the
 * store did. Each is resolved against the Secrets and ConfigMaps that it references, again after either has changed.
 */
export class EndpointRegistry {
  readonly #options: EndpointRegistryOptions;
  readonly #entries = new Map<UID, Entry>();
  readonly #byNamespace = new Map<string, Set<UID>>();
  readonly #users = new Map<string, Set<UID>>();
  readonly #gone = new Set<UID>();
  /** Those that the store has let go of: a fence that began before may still show them. */
  readonly #left = new Set<UID>();
  readonly #reads = new Map<UID, Promise<void>>();

  constructor(options: EndpointRegistryOptions) {
    this.#options = options;
  }

  /** Takes over an endpoint as the store has it. */
  set(endpoint: WebhookEndpoint): void {
    const { uid, namespace } = endpoint.metadata;
    this.#left.delete(uid);
    const known = this.#entries.get(uid);
    const before = known?.endpoint;
    // A store that lags must not take back what a fence or a read has shown.
    if (before && before.metadata.generation > endpoint.metadata.generation) return;
    if (known && before && sameConfiguration(before, endpoint)) {
      known.endpoint = endpoint;
      return;
    }
    this.#entries.set(uid, { endpoint });
    const uids = this.#byNamespace.get(namespace) ?? new Set();
    this.#byNamespace.set(namespace, uids.add(uid));
    this.#use(uid, namespace, namesOf(before), namesOf(endpoint));
    if (before && before.metadata.generation !== endpoint.metadata.generation) {
      this.#options.onNewContent(endpoint, 'spec');
    }
    this.#options.onChange(endpoint);
  }

  /** Takes over an endpoint as a fence or a read has it, ahead of the store. */
  adopt(endpoint: WebhookEndpoint): void {
    const { uid, generation } = endpoint.metadata;
    const known = this.#entries.get(uid)?.endpoint;
    if (this.isGone(uid) || this.#left.has(uid)) return;
    if (known && known.metadata.generation >= generation) return;
    this.set(endpoint);
    if (known) return;
    this.#options.clock.schedule(ADOPTED_FOR_MILLISECONDS, () => {
      if (!this.#options.isStored(endpoint)) this.#drop(endpoint);
    });
  }

  /** Reads whether an endpoint exists that the store, or a fence, lacks. */
  verify(namespace: string, name: string, uid: UID): Promise<void> {
    const reading = this.#reads.get(uid) ?? this.#read(namespace, name, uid);
    this.#reads.set(uid, reading);
    return reading;
  }

  async #read(namespace: string, name: string, uid: UID): Promise<void> {
    try {
      const endpoint = await this.#options.read(namespace, name);
      if (endpoint?.metadata.uid !== uid) return remember(this.#gone, uid);
      this.#left.delete(uid);
      this.adopt(endpoint);
    } finally {
      this.#reads.delete(uid);
    }
  }

  /** Forgets an endpoint that the store no longer has. Whether it is gone, a read is to say. */
  delete(endpoint: WebhookEndpoint): void {
    remember(this.#left, endpoint.metadata.uid);
    this.#drop(endpoint);
  }

  #drop(endpoint: WebhookEndpoint): void {
    const { uid, namespace } = endpoint.metadata;
    const before = this.#entries.get(uid)?.endpoint;
    if (!before) return;
    this.#entries.delete(uid);
    const uids = this.#byNamespace.get(namespace);
    uids?.delete(uid);
    if (uids?.size === 0) this.#byNamespace.delete(namespace);
    this.#use(uid, namespace, namesOf(before), new Set());
    this.#options.onChange(endpoint);
  }

  /** Whether a read has shown that an endpoint does not exist any more. */
  isGone(uid: UID): boolean {
    return this.#gone.has(uid);
  }

  /** Resolves every endpoint again, after the rules that hold for all of them have changed. */
  resolveAll(): void {
    for (const entry of this.#entries.values()) {
      entry.resolution = undefined;
      this.#options.onChange(entry.endpoint);
    }
  }

  /** Resolves the endpoints that use an object again. */
  objectChanged(kind: ObjectKind, namespace: string, name: string): void {
    for (const uid of this.#users.get(`${namespace}/${kind}/${name}`) ?? []) {
      const entry = this.#entries.get(uid);
      if (!entry) continue;
      const { endpoint, config: before } = entry;
      entry.resolution = undefined;
      const config = this.config(uid);
      if (before && config && !sameConfig(before, config)) this.#options.onNewContent(endpoint, 'content');
      this.#options.onChange(endpoint);
    }
  }

  get(uid: UID): WebhookEndpoint | undefined {
    return this.#entries.get(uid)?.endpoint;
  }

  view(uid: UID): EndpointView | undefined {
    const entry = this.#entries.get(uid);
    return entry && this.#viewOf(entry);
  }

  /** The endpoints of a namespace. */
  views(namespace: string): EndpointView[] {
    return [...(this.#byNamespace.get(namespace) ?? [])].flatMap((uid) => this.view(uid) ?? []);
  }

  resolution(uid: UID): Resolution | undefined {
    const entry = this.#entries.get(uid);
    return entry && this.#resolve(entry);
  }

  /** What a request needs; nothing where the Secrets, or the URL, don't allow one now. */
  config(uid: UID): EndpointConfig | undefined {
    const resolution = this.resolution(uid);
    return resolution?.state === 'usable' ? resolution.config : undefined;
  }

  #viewOf(entry: Entry): EndpointView {
    const { metadata, spec, status } = entry.endpoint;
    const resolution = this.#resolve(entry);
    const deleting = metadata.deletionTimestamp !== undefined || this.isGone(metadata.uid);
    return {
      uid: metadata.uid,
      name: metadata.name,
      spec,
      deleting,
      usability: resolution.state === 'refused' ? resolution.refusal : resolution.state,
      redelivery: deleting ? undefined : status?.redelivery,
      ...this.#options.pace(entry.endpoint),
    };
  }

  #resolve(entry: Entry): Resolution {
    const { metadata, spec } = entry.endpoint;
    const { objects, refusesUrl, checkTls } = this.#options;
    const observe = (kind: ObjectKind, name: string) => objects.read(kind, metadata.namespace, name);
    const resolution = entry.resolution ?? resolveEndpoint({ spec, observe, refusesUrl, checkTls });
    // What is not known yet is asked for again; everything else stands until a change is reported.
    if (resolution.state !== 'unknown') entry.resolution = resolution;
    if (resolution.state === 'usable') entry.config = resolution.config;
    return resolution;
  }

  #use(uid: UID, namespace: string, before: ReadonlySet<ObjectName>, now: ReadonlySet<ObjectName>): void {
    for (const name of now.difference(before)) {
      const [kind, object] = splitName(name);
      const users = this.#users.get(`${namespace}/${name}`) ?? new Set();
      this.#users.set(`${namespace}/${name}`, users.add(uid));
      this.#options.objects.acquire(kind, namespace, object);
    }
    for (const name of before.difference(now)) {
      const [kind, object] = splitName(name);
      const users = this.#users.get(`${namespace}/${name}`);
      users?.delete(uid);
      if (users?.size === 0) this.#users.delete(`${namespace}/${name}`);
      this.#options.objects.release(kind, namespace, object);
    }
  }
}

function remember(uids: Set<UID>, uid: UID): void {
  uids.add(uid);
  for (const oldest of uids) {
    if (uids.size <= MAX_REMEMBERED) return;
    uids.delete(oldest);
  }
}

/** Whether only status or other metadata differ: those have no part in how the endpoint is used. */
function sameConfiguration({ metadata: a }: WebhookEndpoint, { metadata: b }: WebhookEndpoint): boolean {
  return a.generation === b.generation && a.deletionTimestamp === b.deletionTimestamp;
}

function namesOf(endpoint: WebhookEndpoint | undefined): Set<ObjectName> {
  const references = endpoint ? allReferences(referencesOf(endpoint.spec)) : [];
  return new Set(references.map(({ kind, name }): ObjectName => `${kind}/${name}`));
}

function splitName(name: ObjectName): [ObjectKind, string] {
  const [kind, object = ''] = name.split('/');
  return [kind === 'ConfigMap' ? 'ConfigMap' : 'Secret', object];
}
