import ipaddr from 'ipaddr.js';
import {
  MAPPED,
  NAT64,
  NODE_PORTS,
  PRIVATE,
  REFUSED_IPV4,
  REFUSED_IPV6,
  USABLE_IPV6,
} from './addressRanges.ts';
import { holds, names, parseAddress, type Address, type Cidr } from './cidr.ts';

/** Where an API server listens. `address` may be a name: then only that name is refused, not what it leads to. */
export interface ApiServer {
  readonly address: string;
  readonly port: number;
}

export interface AddressGuardOptions {
  /** The administrator's exceptions. */
  readonly allow: readonly Cidr[];
  /** Wins over `allow`, over every embedded form. */
  readonly deny: readonly Cidr[];
  /** Read at every decision, so that it may change. */
  readonly apiServers: () => readonly ApiServer[];
}

/** Decides where requests to receivers may go. */
export interface AddressGuard {
  /** Whether the address may be dialled at the port. What is not an address may not. */
  allows(address: string, port: number): boolean;
  /** Whether the name may be looked up. What it leads to is another question, for `allows`. */
  allowsName(hostname: string, port: number): boolean;
  /** Whether the URL itself names a refused address or name. */
  refusesUrl(url: URL): boolean;
}

const LOOPBACK = new ipaddr.IPv4([127, 0, 0, 1]);

/** Builds the guard of the contract's section "The address guard". Pure but for `apiServers`. */
export function createAddressGuard({ allow, deny, apiServers }: AddressGuardOptions): AddressGuard {
  const allowed = (address: Address) => allow.some((range) => holds(range, address));
  const denied = (address: Address) => deny.some((range) => holds(range, address));
  const freesLocalhost = allowed(LOOPBACK) && !denied(LOOPBACK);

  const isApiServer = (address: Address, port: number) =>
    apiServers().some((server) => {
      const parsed = server.port === port ? parseAddress(server.address) : undefined;
      return parsed !== undefined && sameAddress(unmap(parsed), address);
    });

  /** Judges one form. `free` says whether an exception for this form counts. */
  const allowsForm = (form: Address, port: number, free: boolean) => {
    const exempt = free && allowed(form);
    if (isRefused(form) && !exempt) return false;
    // The contract lets IPv4 ranges alone free the ports of nodes.
    if (NODE_PORTS.has(port) && isPrivate(form) && !(exempt && form.kind() === 'ipv4')) return false;
    return !isApiServer(form, port) || (free && allow.some((range) => names(range, form)));
  };

  const allows = (text: string, port: number): boolean => {
    const outer = parseAddress(text);
    if (!outer) return false;
    const inner = embeddedIPv4(outer);
    const plain = inner ?? outer;
    const forms = plain instanceof ipaddr.IPv4 ? [outer, plain, plain.toIPv4MappedAddress()] : [outer];
    if (forms.some(denied)) return false;
    if (!allowsForm(outer, port, true)) return false;
    // An exception for IPv4 frees the mapped form with it, and no other that embeds the address.
    return !inner || allowsForm(inner, port, holds(MAPPED, outer) || allowed(outer));
  };

  const allowsName = (hostname: string, port: number): boolean => {
    const name = bareName(hostname);
    if (name === 'localhost' || name.endsWith('.localhost')) return freesLocalhost;
    return !apiServers().some((server) => server.port === port && bareName(server.address) === name);
  };

  return {
    allows,
    allowsName,
    refusesUrl(url) {
      // The URL's parser has brought every spelling of IPv4 to four decimal numbers.
      const hostname = url.hostname.replace(/^\[(.*)\]$/, '$1');
      const port = portOf(url);
      return parseAddress(hostname) ? !allows(hostname, port) : !allowsName(hostname, port);
    },
  };
}

/** The port that a URL names or means. */
export function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port);
  return url.protocol === 'https:' ? 443 : 80;
}

function isRefused(address: Address): boolean {
  if (address instanceof ipaddr.IPv4) return REFUSED_IPV4.some((range) => holds(range, address));
  if (!USABLE_IPV6.some((range) => holds(range, address))) return true;
  if (REFUSED_IPV6.some((range) => holds(range, address))) return true;
  return holds(NAT64, address) && !isPublic(lastFourBytes(address));
}

function isPrivate(address: Address): boolean {
  return PRIVATE.some((range) => holds(range, address));
}

function isPublic(address: ipaddr.IPv4): boolean {
  return !isRefused(address) && !isPrivate(address);
}

/** The IPv4 inside of ::ffff:0:0/96, 64:ff9b::/96 and ISATAP (RFC 5214, section 6.1: [02]00:5efe before it). */
function embeddedIPv4(address: Address): ipaddr.IPv4 | undefined {
  if (address instanceof ipaddr.IPv4) return undefined;
  const [flags, organisation] = address.parts.slice(4, 6);
  const isIsatap = (flags === 0 || flags === 0x200) && organisation === 0x5efe;
  return isIsatap || holds(MAPPED, address) || holds(NAT64, address) ? lastFourBytes(address) : undefined;
}

function unmap(address: Address): Address {
  return address instanceof ipaddr.IPv6 && holds(MAPPED, address) ? lastFourBytes(address) : address;
}

function lastFourBytes(address: ipaddr.IPv6): ipaddr.IPv4 {
  return new ipaddr.IPv4(address.toByteArray().slice(-4));
}

function sameAddress(a: Address, b: Address): boolean {
  return a.toNormalizedString() === b.toNormalizedString();
}

function bareName(hostname: string): string {
  return hostname.toLowerCase().replace(/\.+$/, '');
}
