import { isIPv6 } from 'node:net';

/** Where a server listens: on all interfaces where there is no host; port 0 lets the system choose. */
export interface BindAddress {
  readonly host?: string;
  readonly port: number;
}

/** Parses `:8081`, `host:8081` or `[::1]:8081`; `0`, which turns the server off, is undefined. Throws a RangeError. */
export function parseBindAddress(text: string): BindAddress | undefined {
  if (text === '0') return undefined;
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^[\]:/\s]*)):(\d{1,5})$/.exec(text) ?? [];
  if (port === undefined || Number(port) > 65_535 || (bracketed !== undefined && !isIPv6(bracketed))) {
    throw new RangeError(
      `${JSON.stringify(text)} is not a bind address: write host:port, such as :8081 or 127.0.0.1:8081, or 0 for none`,
    );
  }
  const host = bracketed ?? plain;
  return host ? { host, port: Number(port) } : { port: Number(port) };
}
