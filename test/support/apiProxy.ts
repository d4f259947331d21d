import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { callOf, matches, type ApiCall, type CallMatch } from './apiCall.ts';
import { writeKubeconfig, type Credentials } from './kubeconfig.ts';
import { WatchStream } from './watchStream.ts';

/** An answer of the proxy's own; the API server does not hear of the request. */
export interface Refusal {
  readonly status: number;
  readonly reason?: string;
  readonly message?: string;
  readonly retryAfterSeconds?: number;
}

/** What the proxy does to a call instead of passing it on. */
export type Fault =
  | Refusal
  /** Passes it on, and closes the connection instead of answering. */
  | 'lose the answer'
  /** Keeps the call until the fault is taken back, then passes it on. */
  | 'hold'
  /** Passes it on at once, and keeps the answer until the fault is taken back. */
  | 'hold the answer';

interface Rule {
  readonly match: CallMatch;
  readonly fault: Fault;
  readonly ended: Promise<void>;
  left: number;
}

/** A server on loopback between the operator and the API server that passes everything on, but for what it is told. */
export interface ApiProxy {
  /** Leads to the proxy, with the rights that the credentials have. */
  readonly kubeconfigPath: string;
  /** Every call so far, in the order in which they came. */
  readonly calls: readonly ApiCall[];
  readonly count: (match: CallMatch) => number;
  /** Calls, or answers, that a fault keeps now. */
  readonly kept: number;
  /** Does this to the calls that match, at most so many; the last fault that matches counts. The function returned ends it. */
  readonly fault: (match: CallMatch, fault: Fault, times?: number) => () => void;
  /** Keeps back what the watches of a resource show; the function returned lets all of it through. */
  readonly holdWatches: (resource: string) => () => void;
  /** Leaves out the objects of this name from the resource's watches, as an API server that lags would. */
  readonly hide: (resource: string, name: string) => () => void;
  /** Cuts the watches of a resource that are open. */
  readonly closeWatches: (resource: string) => void;
  /** Ends every fault, and lets through whatever was held. */
  readonly behave: () => void;
  readonly close: () => Promise<void>;
}

export async function startApiProxy({ server: target, ca, token }: Credentials): Promise<ApiProxy> {
  const calls: ApiCall[] = [];
  let kept = 0;
  const streams = new Set<WatchStream>();
  const held = new Set<string>();
  const hidden = new Set<string>();
  const rules = new Map<Rule, () => void>();
  const agent = new Agent({ ca, keepAlive: true });

  const ruleFor = (call: ApiCall) => {
    const rule = [...rules.keys()].findLast(({ match, left }) => left > 0 && matches(call, match));
    if (rule) rule.left -= 1;
    return rule;
  };

  const keep = async ({ ended }: Rule) => {
    kept += 1;
    await ended;
    kept -= 1;
  };

  const passOn = async (incoming: IncomingMessage, response: ServerResponse, body: Buffer) => {
    const { host: _, ...headers } = incoming.headers;
    const { method, url = '/' } = incoming;
    const outgoing = request(new URL(url, target), { method, headers, agent });
    response.once('close', () => response.writableFinished || outgoing.destroy());
    outgoing.end(body);
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    return answer;
  };

  const serve = async (incoming: IncomingMessage, response: ServerResponse) => {
    const body = await buffer(incoming);
    const call = callOf(incoming.method ?? 'GET', incoming.url ?? '/');
    calls.push(call);
    const rule = ruleFor(call);
    if (rule && typeof rule.fault === 'object') return refuse(response, rule.fault);
    if (rule?.fault === 'hold') await keep(rule);
    // Whoever asked has died meanwhile.
    if (response.destroyed) return;
    const answer = await passOn(incoming, response, body);
    if (rule?.fault === 'lose the answer') {
      await buffer(answer);
      return void response.socket?.destroy();
    }
    if (rule?.fault === 'hold the answer') await keep(rule);
    response.writeHead(answer.statusCode ?? 500, answer.headers);
    // A refusal is no stream of lines, also where it is a watch's.
    if (call.verb !== 'watch' || answer.statusCode !== 200) return void answer.pipe(response);
    response.flushHeaders();
    const { resource } = call;
    const stream = new WatchStream(resource, answer, response, (name) => hidden.has(`${resource}/${name}`));
    if (held.has(resource)) stream.hold();
    streams.add(stream);
    response.once('close', () => streams.delete(stream));
  };

  const server = createServer((incoming, response) => {
    // What the API server does not answer, it does not answer.
    serve(incoming, response).catch(() => incoming.socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const folder = await mkdtemp(join(tmpdir(), 'flagpost-proxy-'));
  const kubeconfigPath = join(folder, 'kubeconfig');
  await writeKubeconfig(kubeconfigPath, { server: `http://127.0.0.1:${port}`, ca, token });

  const of = (resource: string) => [...streams].filter((stream) => stream.resource === resource);
  const release = (resource: string) => {
    held.delete(resource);
    for (const stream of of(resource)) stream.release();
  };
  return {
    kubeconfigPath,
    calls,
    count: (match) => calls.filter((call) => matches(call, match)).length,
    get kept() {
      return kept;
    },
    fault(match, fault, times = Infinity) {
      const { promise: ended, resolve } = Promise.withResolvers<void>();
      const rule: Rule = { match, fault, ended, left: times };
      const end = () => {
        rules.delete(rule);
        resolve();
      };
      rules.set(rule, end);
      return end;
    },
    holdWatches(resource) {
      held.add(resource);
      for (const stream of of(resource)) stream.hold();
      return () => release(resource);
    },
    hide(resource, name) {
      const key = `${resource}/${name}`;
      hidden.add(key);
      return () => void hidden.delete(key);
    },
    closeWatches(resource) {
      for (const stream of of(resource)) stream.cut();
    },
    behave() {
      for (const end of rules.values()) end();
      hidden.clear();
      for (const resource of held) release(resource);
    },
    async close() {
      server.close();
      server.closeAllConnections();
      agent.destroy();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function refuse(
  response: ServerResponse,
  { status, reason = '', message = 'as the test wants it', retryAfterSeconds }: Refusal,
) {
  const body = { kind: 'Status', apiVersion: 'v1', status: 'Failure', message, reason, code: status };
  if (retryAfterSeconds !== undefined) response.setHeader('retry-after', retryAfterSeconds);
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
