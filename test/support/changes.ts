import { Agent, request } from 'undici';
import type { Credentials } from './kubeconfig.ts';

/** An object's change as a watch shows it. */
export interface Change {
  readonly type: string;
  readonly name: string;
  readonly resourceVersion: string;
  /** Milliseconds since 1970 when the watch showed it. */
  readonly at: number;
  /** The object's size as the API server sends it, within a few bytes. */
  readonly bytes: number;
}

/** The changes of a resource in a namespace from now on, in a list that grows. */
export interface Changes {
  readonly seen: readonly Change[];
  close(): Promise<void>;
}

interface WatchLine {
  readonly type: string;
  readonly object: { readonly metadata: { readonly name?: string; readonly resourceVersion: string } };
}

/** Watches such as `/apis/flagpost.dev/v1alpha1/namespaces/shop/flagevents`. */
export async function watchChanges(credentials: Credentials, path: string): Promise<Changes> {
  const { server, ca, token } = credentials;
  const agent = new Agent({ allowH2: false, connect: { ca } });
  const stop = new AbortController();
  const answer = await request(`${server}${path}?watch=true&resourceVersion=`, {
    dispatcher: agent,
    headers: { authorization: `Bearer ${token}` },
    signal: stop.signal,
  });
  const seen: Change[] = [];
  const reading = (async () => {
    let rest = '';
    for await (const chunk of answer.body.setEncoding('utf8')) {
      const lines = `${rest}${String(chunk)}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const { type, object } = JSON.parse(line) as WatchLine;
        const { name = '', resourceVersion } = object.metadata;
        seen.push({ type, name, resourceVersion, at: Date.now(), bytes: Buffer.byteLength(line) });
      }
    }
  })().catch(() => {});
  return {
    seen,
    async close() {
      stop.abort();
      await reading;
      await agent.destroy();
    },
  };
}
