import { isDeepStrictEqual } from 'node:util';
import { Agent, type Dispatcher } from 'undici';
import type { ClusterTls } from './credentials.ts';
import { TransportError } from './transportError.ts';
import { checkWrites } from './writeCheck.ts';

// The API server closes idle connections after 90 s.
const KEEP_ALIVE_MILLISECONDS = 60_000;

/** The pool of connections to the API server, replaced when the certificates change. */
export class Agents {
  #tls: ClusterTls | undefined;
  readonly #mayWrite: () => boolean;
  #agent: Agent | undefined;
  #dispatcher: Dispatcher | undefined;
  /** Those with former certificates, until their last request has ended. */
  readonly #draining = new Set<Agent>();
  #closed = false;

  /** `mayWrite` is asked before each request that changes something. */
  constructor(mayWrite: () => boolean) {
    this.#mayWrite = mayWrite;
  }

  get(tls: ClusterTls): Dispatcher {
    if (this.#closed) throw new TransportError('the transport is closed');
    if (this.#dispatcher !== undefined && isDeepStrictEqual(tls, this.#tls)) return this.#dispatcher;
    if (this.#agent !== undefined) this.#drain(this.#agent);
    this.#tls = tls;
    this.#agent = new Agent({
      // Watches hold a connection each, so their number is not limited. HTTP/2 can end the process: see design.md.
      allowH2: false,
      keepAliveTimeout: KEEP_ALIVE_MILLISECONDS,
      connect: { ...tls, timeout: 10_000, keepAlive: true, keepAliveInitialDelay: 30_000 },
    });
    this.#dispatcher = this.#agent.compose(checkWrites(this.#mayWrite));
    return this.#dispatcher;
  }

  /** Ends every request and connection. */
  async close(): Promise<void> {
    this.#closed = true;
    const agents = [...this.#draining];
    if (this.#agent !== undefined) agents.push(this.#agent);
    await Promise.all(agents.map((agent) => agent.destroy()));
  }

  #drain(agent: Agent): void {
    this.#draining.add(agent);
    const forget = (): void => void this.#draining.delete(agent);
    agent.close().then(forget, forget);
  }
}
