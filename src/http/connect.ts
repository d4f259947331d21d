import { connect as connectTcp, isIP, type LookupFunction, type Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls, type SecureContext } from 'node:tls';
import type { AddressGuard } from './addressGuard.ts';
import { AttemptError } from './failures.ts';
import type { ResolvedAddress } from './lookups.ts';

const ADDRESSES_AN_ATTEMPT = 4;

export interface ConnectTarget {
  readonly protocol: 'http:' | 'https:';
  /** A name or an address, without brackets. */
  readonly hostname: string;
  readonly port: number;
}

export interface ConnectOptions {
  readonly guard: AddressGuard;
  readonly lookup: (hostname: string, signal: AbortSignal) => Promise<readonly ResolvedAddress[]>;
  readonly secureContext?: SecureContext;
  /** Asked for and checked instead of the host's name. */
  readonly serverName?: string;
  /** Ends the lookup and the dialling. */
  readonly signal: AbortSignal;
}

/**
 * Opens a connection to a receiver: the only place that does. The guard decides over each address before it is dialled,
 * literal or looked up, and once more over the one that answered.
 *
 * Rejects with an AttemptError, with Node's error of the lookup or the socket, or with the signal's reason.
 */
export async function connect(target: ConnectTarget, options: ConnectOptions): Promise<Socket> {
  const { guard, signal } = options;
  const addresses = await allowedAddresses(target, options);
  signal.throwIfAborted();
  const socket = await dial(target, addresses, options);
  if (socket.remoteAddress === undefined || !guard.allows(socket.remoteAddress, target.port)) {
    const closed = socket.remoteAddress === undefined;
    socket.destroy();
    throw new AttemptError(closed ? 'ConnectionReset' : 'AddressForbidden');
  }
  return socket;
}

async function allowedAddresses(
  { hostname, port }: ConnectTarget,
  { guard, lookup, signal }: ConnectOptions,
): Promise<readonly ResolvedAddress[]> {
  const family = isIP(hostname);
  if (family === 0 && !guard.allowsName(hostname, port)) throw new AttemptError('AddressForbidden');
  const addresses = family === 0 ? await lookup(hostname, signal) : [{ address: hostname, family }];
  if (addresses.length === 0) throw new AttemptError('DNSLookupFailed', 'ENODATA');
  const allowed = addresses.filter(({ address }) => guard.allows(address, port));
  if (allowed.length === 0) throw new AttemptError('AddressForbidden');
  return allowed.slice(0, ADDRESSES_AN_ATTEMPT);
}

function dial(
  { protocol, hostname, port }: ConnectTarget,
  addresses: readonly ResolvedAddress[],
  { secureContext, serverName, signal }: ConnectOptions,
): Promise<Socket> {
  const tcp = { host: hostname, port, lookup: answerWith(addresses), autoSelectFamily: true, noDelay: true };
  const verifiedName = (serverName ?? hostname).replace(/\.$/, '');
  const secure = protocol === 'https:';
  const socket = secure
    ? connectTls({
        ...tcp,
        secureContext,
        // Explicit, so that NODE_TLS_REJECT_UNAUTHORIZED changes nothing.
        rejectUnauthorized: true,
        minVersion: 'TLSv1.2',
        // A server name that is an address can't be asked for (RFC 6066, section 3).
        servername: isIP(verifiedName) ? '' : verifiedName,
        checkServerIdentity: (_host, certificate) => checkServerIdentity(verifiedName, certificate),
        ALPNProtocols: ['http/1.1'],
      })
    : connectTcp(tcp);

  // An error without a listener ends the process: there is always one, also between this owner and the next.
  socket.on('error', () => {});
  return new Promise((resolve, reject) => {
    let reached = false;
    const settle = () => {
      signal.removeEventListener('abort', abort);
      socket.off('error', fail);
      socket.off('close', close);
    };
    const fail = (error: Error) => {
      settle();
      socket.destroy();
      reject(secure && reached && isReset(error) ? new AttemptError('ConnectionReset', 'HANDSHAKE') : error);
    };
    const close = () => fail(new AttemptError('ConnectionReset'));
    const abort = () =>
      fail(signal.reason instanceof Error ? signal.reason : new AttemptError('ConnectionReset'));
    signal.addEventListener('abort', abort);
    socket.on('error', fail);
    socket.on('close', close);
    socket.once('connect', () => {
      reached = true;
    });
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      settle();
      resolve(socket);
    });
  });
}

function isReset(error: Error): boolean {
  return 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
}

/** A lookup that knows one answer, so that what was checked is what is dialled. */
function answerWith(addresses: readonly ResolvedAddress[]): LookupFunction {
  return (_hostname, options, callback) => {
    const [first] = addresses;
    if (options.all || !first) callback(null, [...addresses]);
    else callback(null, first.address, first.family);
  };
}
