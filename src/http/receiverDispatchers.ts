import type { SecureContext } from 'node:tls';
import { portOf, type AddressGuard } from './addressGuard.ts';
import { connect } from './connect.ts';
import { AttemptError } from './failures.ts';
import type { Lookup } from './lookups.ts';
import { ReceiverConnection } from './receiverConnection.ts';
import { createReceiverContext, fingerprintOf, type TlsMaterial } from './tlsMaterial.ts';

/** Where a connection leads, and for whom. Connections are never shared between namespaces or TLS contents. */
export interface Destination {
  readonly namespace: string;
  readonly url: URL;
  readonly tls?: TlsMaterial;
}

export interface ReceiverDispatchersOptions {
  readonly guard: AddressGuard;
  readonly lookup: Lookup;
}

const NO_MATERIAL: TlsMaterial = {};
const CONTEXTS_KEPT = 256;

/**
 * The open connections to receivers. What belongs to one destination is found by its content: after a rotation new
 * requests find nothing of the old content, requests in flight go on, and idle connections end by their own timeout.
 */
export class ReceiverDispatchers {
  readonly #guard: AddressGuard;
  readonly #lookup: Lookup;
  readonly #idle = new Map<string, Set<ReceiverConnection>>();
  readonly #open = new Set<ReceiverConnection>();
  readonly #contexts = new Map<string, SecureContext>();
  #closed = false;

  constructor({ guard, lookup }: ReceiverDispatchersOptions) {
    this.#guard = guard;
    this.#lookup = lookup;
  }

  /** A connection for one request: an idle one, unless `fresh`, else one that the request will open. */
  take(destination: Destination, { fresh }: { readonly fresh: boolean }): ReceiverConnection {
    if (this.#closed) throw new AttemptError('ConnectionReset', 'CLOSED');
    const { namespace, url, tls = NO_MATERIAL } = destination;
    const fingerprint = fingerprintOf(tls);
    const key = [namespace, fingerprint, url.origin].join(' ');
    // The one that was used last is the least likely to have been closed by the receiver.
    const usable = fresh
      ? undefined
      : [...(this.#idle.get(key) ?? [])].findLast((connection) => connection.usable);
    if (usable) {
      this.#forgetIdle(key, usable);
      return usable;
    }
    const secureContext = url.protocol === 'https:' ? this.#contextOf(fingerprint, tls) : undefined;
    const connection = new ReceiverConnection({
      origin: url,
      open: (signal) =>
        connect(
          {
            protocol: url.protocol === 'https:' ? 'https:' : 'http:',
            hostname: url.hostname.replace(/^\[(.*)\]$/, '$1'),
            port: portOf(url),
          },
          {
            guard: this.#guard,
            lookup: (hostname, ends) => this.#lookup(namespace, hostname, ends),
            secureContext,
            serverName: tls.serverName,
            signal,
          },
        ),
      onIdle: () => {
        const idle = this.#idle.get(key);
        if (idle) idle.add(connection);
        else this.#idle.set(key, new Set([connection]));
      },
      onClosed: () => {
        this.#open.delete(connection);
        this.#forgetIdle(key, connection);
      },
    });
    this.#open.add(connection);
    return connection;
  }

  /** Ends all connections, those that carry a request too. */
  close(): void {
    this.#closed = true;
    for (const connection of this.#open) connection.close();
    this.#contexts.clear();
  }

  #forgetIdle(key: string, connection: ReceiverConnection): void {
    const idle = this.#idle.get(key);
    idle?.delete(connection);
    if (idle?.size === 0) this.#idle.delete(key);
  }

  /** A context with a CA takes 20 ms to build, so the ones that were used last are kept. */
  #contextOf(fingerprint: string, tls: TlsMaterial): SecureContext {
    const context = this.#contexts.get(fingerprint) ?? createReceiverContext(tls);
    this.#contexts.delete(fingerprint);
    this.#contexts.set(fingerprint, context);
    const [oldest] = this.#contexts.keys();
    if (this.#contexts.size > CONTEXTS_KEPT && oldest !== undefined) this.#contexts.delete(oldest);
    return context;
  }
}
