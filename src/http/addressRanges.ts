import { parseCidr, type Cidr } from './cidr.ts';

// The contract's table of the address guard. ipaddr.js's own range() is not used: it calls ::7f00:1, 4000::1 and
// 168.63.129.16 unicast.

/** IPv4 that no request goes to. */
export const REFUSED_IPV4 = ranges(
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  // Metadata services outside of 169.254.0.0/16: Alibaba Cloud, Azure.
  '100.100.100.200/32',
  '168.63.129.16/32',
);

/** ::ffff:0:0/96: a socket that dials it speaks IPv4. */
export const MAPPED = parseCidr('::ffff:0:0/96');

/** The well-known prefix of NAT64 (RFC 6052). */
export const NAT64 = parseCidr('64:ff9b::/96');

/** IPv6 outside of these is refused. */
export const USABLE_IPV6 = [...ranges('2000::/3', 'fc00::/7'), MAPPED, NAT64];

/** IPv6 inside of USABLE_IPV6 that no request goes to. */
export const REFUSED_IPV6 = ranges(
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '3fff::/20',
  // Metadata services: AWS, Google Cloud, Oracle Cloud, Scaleway, Linode, Alibaba Cloud.
  'fd00:ec2::/32',
  'fd20:ce::254/128',
  'fd00:c1::a9fe:a9fe/128',
  'fd00:42::42/128',
  'fd00:a9fe:a9fe::1/128',
  'fd00:100::100:200/128',
);

export const PRIVATE = ranges('10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7');

/** Ports of the kubelet and of etcd, refused on private addresses. */
export const NODE_PORTS: ReadonlySet<number> = new Set([10250, 10255, 2379, 2380]);

function ranges(...texts: readonly string[]): readonly Cidr[] {
  return texts.map(parseCidr);
}
