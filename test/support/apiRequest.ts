import { once } from 'node:events';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import type { Credentials } from './kubeconfig.ts';

export interface RequestOptions {
  readonly method?: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly timeoutMs?: number;
}

/** One request over a connection of its own, by other means than the code under test; any status is an answer. */
export async function apiRequest(
  { server, ca, token }: Credentials,
  path: string,
  { method = 'GET', body, timeoutMs = 10_000 }: RequestOptions = {},
): Promise<{ readonly status: number; readonly body: string }> {
  const sent = request(new URL(path, server), {
    method,
    ca,
    agent: false,
    signal: AbortSignal.timeout(timeoutMs),
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
  });
  sent.end(body === undefined ? undefined : JSON.stringify(body));
  const [answer] = await once(sent, 'response');
  return { status: answer.statusCode, body: await text(answer) };
}
