import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** An address as numbers; text is parsed once, at the edge. */
export type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** A range of addresses: those whose first `prefixLength` bits are those of `network`. */
export interface Cidr {
  readonly network: Address;
  readonly prefixLength: number;
}

/**
 * Parses an address in the spellings that getaddrinfo, sockets and URLs give: four decimal numbers, or IPv6 without
 * brackets. Nothing where it is another one; a zone (`%eth0`) is another one too, since link-local is never dialled.
 */
export function parseAddress(text: string): Address | undefined {
  return isIP(text) === 0 || text.includes('%') ? undefined : ipaddr.parse(withoutDecimals(text));
}

/** IPv6 with its last 32 bits in hexadecimal: ipaddr.js takes the decimal `::8.8.8.8` for `::ffff:8.8.8.8`. */
function withoutDecimals(text: string): string {
  if (!text.includes(':')) return text;
  return text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_match, ...groups) => {
    const [a = 0, b = 0, c = 0, d = 0] = groups.slice(0, 4).map(Number);
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  });
}

/** Parses `address/prefix length`; bits after the prefix are ignored, as Go's net.ParseCIDR does. Throws a RangeError. */
export function parseCidr(text: string): Cidr {
  const [, address = '', length = ''] = /^([^/]*)\/(\d{1,3})$/.exec(text) ?? [];
  const network = parseAddress(address);
  if (!network) {
    throw new RangeError(
      `${JSON.stringify(text)} is not a CIDR: write an address and a prefix length, such as 10.0.0.0/8`,
    );
  }
  const prefixLength = Number(length);
  const longest = bits(network);
  if (prefixLength > longest) {
    throw new RangeError(
      `${JSON.stringify(text)} is not a CIDR: the prefix length is at most ${longest} here`,
    );
  }
  return { network, prefixLength };
}

/** Whether the range holds the address. An IPv4 range never holds an IPv6 address, and the other way round. */
export function holds({ network, prefixLength }: Cidr, address: Address): boolean {
  return network.kind() === address.kind() && address.match(network, prefixLength);
}

/** Whether the range is that one address. */
export function names(cidr: Cidr, address: Address): boolean {
  return cidr.prefixLength === bits(cidr.network) && holds(cidr, address);
}

function bits(address: Address): number {
  return address.kind() === 'ipv4' ? 32 : 128;
}
