import { Agent, request } from 'undici';
import type { Credentials } from '../support/kubeconfig.ts';
import { monotonic } from './monotonic.ts';

/** When events of a namespace were seen to be finished, by monotonic(), in the order in which that was seen. */
export interface Recordings {
  readonly at: readonly number[];
  /** Resolves once so many events have finished since the beginning. */
  reached(count: number): Promise<void>;
  close(): Promise<void>;
}

interface WatchLine {
  readonly type: string;
  readonly object: { readonly metadata?: { readonly resourceVersion: string } };
}

/**
 * Watches the metadata of unfinished events, which leave the watch with the write of their completionTime. The API server
 * ends a watch that does not keep up with it; then the next one goes on where that was.
 */
export async function watchRecordings(
  { server, ca, token }: Credentials,
  namespace: string,
): Promise<Recordings> {
  const agent = new Agent({ allowH2: false, connect: { ca } });
  const stop = new AbortController();
  const path = `/apis/flagpost.dev/v1alpha1/namespaces/${namespace}/flagevents`;
  const at: number[] = [];
  const waiting = new Map<number, PromiseWithResolvers<void>>();
  let version: string | undefined;
  const watch = async () => {
    const from = version === undefined ? '' : `&resourceVersion=${version}`;
    const { body } = await request(
      `${server}${path}?watch=true&fieldSelector=status.completionTime%3D${from}`,
      {
        dispatcher: agent,
        headers: {
          authorization: `Bearer ${token}`,
          accept: 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1',
        },
        signal: stop.signal,
        bodyTimeout: 0,
      },
    );
    return body;
  };
  const read = async (body: Awaited<ReturnType<typeof watch>>) => {
    let rest = '';
    for await (const chunk of body.setEncoding('utf8')) {
      const lines = `${rest}${String(chunk)}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const { type, object } = JSON.parse(line) as WatchLine;
        if (!object.metadata || type === 'ERROR') throw new Error(line);
        version = object.metadata.resourceVersion;
        if (type === 'DELETED') waiting.get(at.push(monotonic()))?.resolve();
      }
    }
  };
  const first = await watch();
  const reading = (async () => {
    for (let body = first; !stop.signal.aborted; body = await watch()) await read(body);
  })().catch((error: unknown) => {
    if (stop.signal.aborted) return;
    for (const { reject } of waiting.values()) reject(error);
  });
  return {
    at,
    async reached(count) {
      if (at.length >= count) return;
      const wanted = waiting.get(count) ?? Promise.withResolvers<void>();
      waiting.set(count, wanted);
      await wanted.promise;
    },
    async close() {
      stop.abort();
      await reading;
      await agent.destroy();
    },
  };
}
