import { describe, expect, test } from '@jest/globals';
import { createAddressGuard, type AddressGuard, type ApiServer } from '../../src/http/addressGuard.ts';
import { parseCidr } from '../../src/http/cidr.ts';

interface Exceptions {
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
  readonly apiServers?: readonly ApiServer[];
}

function aGuard({ allow = [], deny = [], apiServers = [] }: Exceptions = {}): AddressGuard {
  return createAddressGuard({
    allow: allow.map(parseCidr),
    deny: deny.map(parseCidr),
    apiServers: () => apiServers,
  });
}

const PLAIN = aGuard();
const API_SERVERS: readonly ApiServer[] = [
  { address: '10.96.0.1', port: 443 },
  { address: '203.0.114.7', port: 6443 },
  { address: 'fd00:96::1', port: 443 },
];

describe('IPv4', () => {
  // [the address before the range, its first, its last, the one after it]; none where that is refused by another range.
  test.each([
    ['0.0.0.0/8', undefined, '0.0.0.0', '0.255.255.255', '1.0.0.0'],
    ['127.0.0.0/8', '126.255.255.255', '127.0.0.0', '127.255.255.255', '128.0.0.0'],
    ['169.254.0.0/16', '169.253.255.255', '169.254.0.0', '169.254.255.255', '169.255.0.0'],
    ['192.0.0.0/24', '191.255.255.255', '192.0.0.0', '192.0.0.255', '192.0.1.0'],
    ['192.0.2.0/24', '192.0.1.255', '192.0.2.0', '192.0.2.255', '192.0.3.0'],
    ['192.88.99.0/24', '192.88.98.255', '192.88.99.0', '192.88.99.255', '192.88.100.0'],
    ['198.18.0.0/15', '198.17.255.255', '198.18.0.0', '198.19.255.255', '198.20.0.0'],
    ['198.51.100.0/24', '198.51.99.255', '198.51.100.0', '198.51.100.255', '198.51.101.0'],
    ['203.0.113.0/24', '203.0.112.255', '203.0.113.0', '203.0.113.255', '203.0.114.0'],
    ['224.0.0.0/4', '223.255.255.255', '224.0.0.0', '239.255.255.255', undefined],
    ['240.0.0.0/4', undefined, '240.0.0.0', '255.255.255.255', undefined],
    ['Alibaba Cloud metadata', '100.100.100.199', '100.100.100.200', '100.100.100.200', '100.100.100.201'],
    ['Azure metadata', '168.63.129.15', '168.63.129.16', '168.63.129.16', '168.63.129.17'],
  ])(
    '%s is refused from its first to its last address, in every form, and no more',
    (_, before, first, last, after) => {
      for (const address of [first, last]) {
        expect(PLAIN.allows(address, 80)).toBe(false);
        expect(PLAIN.allows(`::ffff:${address}`, 80)).toBe(false);
        expect(PLAIN.allows(`64:ff9b::${address}`, 80)).toBe(false);
        expect(PLAIN.allows(`2400::5efe:${address}`, 80)).toBe(false);
        expect(PLAIN.allows(`2400::200:5efe:${address}`, 80)).toBe(false);
      }
      for (const address of [before, after]) {
        if (address === undefined) continue;
        expect(PLAIN.allows(address, 80)).toBe(true);
        expect(PLAIN.allows(`::ffff:${address}`, 80)).toBe(true);
        expect(PLAIN.allows(`2400::5efe:${address}`, 80)).toBe(true);
      }
    },
  );

  test.each([
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.254',
    '192.168.1.1',
    '100.64.0.1',
    '100.127.255.254',
    '8.8.8.8',
  ])('%s is allowed: receivers live in the cluster', (address) => {
    expect(PLAIN.allows(address, 8080)).toBe(true);
    expect(PLAIN.allows(`::ffff:${address}`, 8080)).toBe(true);
  });
});

describe('IPv6', () => {
  test.each([
    '::',
    '::1',
    '::7f00:1',
    '::8.8.8.8',
    '::ffff:0:8.8.8.8',
    '64:ff9b:1::808:808',
    '64:ff9b:0:0:0:1::',
    '100::1',
    '1fff:ffff::',
    '2001::',
    '2001:0:4136:e378:8000:63bf:3fff:fdd2',
    '2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff',
    '2001:db8::',
    '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff',
    '2002::',
    '2002:7f00:1::',
    '2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
    '3fff::',
    '3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff',
    '4000::1',
    'fbff:ffff::',
    'fe00::1',
    'fe80::1',
    'fe80::5efe:8.8.8.8',
    'fec0::1',
    'ff02::1',
    'fd00:ec2::',
    'fd00:ec2::254',
    'fd00:ec2:ffff:ffff:ffff:ffff:ffff:ffff',
    'fd20:ce::254',
    'fd00:c1::a9fe:a9fe',
    'fd00:42::42',
    'fd00:a9fe:a9fe::1',
    'fd00:100::100:200',
  ])('%s is refused', (address) => {
    expect(PLAIN.allows(address, 80)).toBe(false);
  });

  test.each([
    '2000::',
    '2001:200::',
    '2001:db7:ffff::',
    '2001:db9::',
    '2003::',
    '2606:4700::1111',
    '3ffe:ffff::',
    '3fff:1000::',
    'fc00::',
    'fd00:ec1:ffff::',
    'fd00:ec3::',
    'fd20:ce::253',
    'fd00:c1::a9fe:a9fd',
    'fd00:42::43',
    'fd00:a9fe:a9fe::2',
    'fd00:100::100:201',
    'fdff:ffff::1',
    '64:ff9b::8.8.8.8',
  ])('%s is allowed', (address) => {
    expect(PLAIN.allows(address, 80)).toBe(true);
  });

  test.each(['10.0.0.1', '172.16.0.1', '192.168.0.1', '100.64.0.1'])(
    'NAT64 of the private %s is refused',
    (address) => {
      expect(PLAIN.allows(`64:ff9b::${address}`, 80)).toBe(false);
    },
  );

  test.each([
    'fe80::1%eth0',
    '2606:4700::1111%1',
    'example.com',
    '',
    '127.1',
    '0x7f.0.0.1',
    '[2000::]',
    '8.8.8.8 ',
  ])('what is not a plain address is refused: %j', (text) => {
    expect(PLAIN.allows(text, 80)).toBe(false);
  });
});

describe('the ports of nodes', () => {
  const PRIVATE = [
    '10.1.2.3',
    '172.20.0.1',
    '192.168.0.9',
    '100.64.0.1',
    'fd00::1',
    '::ffff:10.1.2.3',
    '2400::5efe:a01:203',
  ];
  test.each([10250, 10255, 2379, 2380])('%d is refused on private addresses alone', (port) => {
    for (const address of PRIVATE) expect([address, PLAIN.allows(address, port)]).toEqual([address, false]);
    for (const address of ['8.8.8.8', '2606:4700::1111']) expect(PLAIN.allows(address, port)).toBe(true);
  });

  test('their neighbours are allowed', () => {
    for (const port of [10249, 10251, 10254, 2378, 2381]) expect(PLAIN.allows('10.1.2.3', port)).toBe(true);
  });
});

describe('exceptions', () => {
  test.each<[string, Exceptions, string, number, boolean]>([
    ['frees the range', { allow: ['127.0.0.0/8'] }, '127.0.0.1', 80, true],
    ['frees nothing beside it', { allow: ['127.0.0.0/8'] }, '169.254.169.254', 80, false],
    ['frees the mapped form', { allow: ['127.0.0.0/8'] }, '::ffff:127.0.0.1', 80, true],
    ['does not free NAT64', { allow: ['127.0.0.0/8'] }, '64:ff9b::127.0.0.1', 80, false],
    ['does not free NAT64 of a private address', { allow: ['10.0.0.0/8'] }, '64:ff9b::10.0.0.1', 80, false],
    ['does not free ISATAP', { allow: ['127.0.0.0/8'] }, '2400::5efe:7f00:1', 80, false],
    ['does not free what is only compatible', { allow: ['127.0.0.0/8'] }, '::7f00:1', 80, false],
    ['does not free ::1', { allow: ['127.0.0.0/8'] }, '::1', 80, false],
    ['of IPv6 frees the range', { allow: ['::1/128'] }, '::1', 80, true],
    ['of IPv6 does not free an inner address', { allow: ['64:ff9b::/96'] }, '64:ff9b::127.0.0.1', 80, false],
    [
      'of the mapped range alone does not free the inner',
      { allow: ['::ffff:0:0/96'] },
      '::ffff:127.0.0.1',
      80,
      false,
    ],
    ['of NAT64 frees private addresses in it', { allow: ['64:ff9b::/96'] }, '64:ff9b::10.0.0.1', 80, true],
    ['frees metadata that it holds', { allow: ['169.254.169.254/32'] }, '169.254.169.254', 80, true],
    ['frees the ports of nodes', { allow: ['10.0.0.0/8'] }, '10.1.2.3', 10250, true],
    [
      'frees the ports of nodes in the mapped form',
      { allow: ['10.0.0.0/8'] },
      '::ffff:10.1.2.3',
      10250,
      true,
    ],
    [
      'does not free the ports of nodes in ISATAP',
      { allow: ['10.0.0.0/8'] },
      '2400::5efe:a01:203',
      10250,
      false,
    ],
    ['of IPv6 does not free the ports of nodes', { allow: ['fd00::/8'] }, 'fd00::1', 10250, false],
    ['loses to a denial', { allow: ['127.0.0.0/8'], deny: ['127.0.0.1/32'] }, '127.0.0.1', 80, false],
    [
      'loses to a denial of a wider range',
      { allow: ['127.0.0.1/32'], deny: ['0.0.0.0/0'] },
      '127.0.0.1',
      80,
      false,
    ],
    [
      'loses only where the denial is',
      { allow: ['127.0.0.0/8'], deny: ['127.0.0.1/32'] },
      '127.0.0.2',
      80,
      true,
    ],
  ])('an allowed range %s', (_, exceptions, address, port, expected) => {
    expect(aGuard(exceptions).allows(address, port)).toBe(expected);
  });

  test.each([
    ['8.8.8.0/24', '8.8.8.8'],
    ['8.8.8.0/24', '::ffff:8.8.8.8'],
    ['8.8.8.0/24', '64:ff9b::8.8.8.8'],
    ['8.8.8.0/24', '2400::5efe:8.8.8.8'],
    ['8.8.8.0/24', '2400::200:5efe:8.8.8.8'],
    ['::ffff:8.8.8.0/120', '8.8.8.8'],
    ['::ffff:8.8.8.0/120', '64:ff9b::8.8.8.8'],
    ['64:ff9b::/96', '64:ff9b::8.8.8.8'],
    ['2606:4700::/32', '2606:4700::1111'],
    ['10.0.0.0/8', '10.0.0.1'],
  ])('denying %s refuses %s', (range, address) => {
    expect(PLAIN.allows(address, 80)).toBe(true);
    expect(aGuard({ deny: [range] }).allows(address, 80)).toBe(false);
    expect(aGuard({ deny: [range], allow: ['0.0.0.0/0', '::/0'] }).allows(address, 80)).toBe(false);
  });
});

describe('the API server', () => {
  test.each<[string, number, readonly string[], boolean]>([
    ['10.96.0.1', 443, [], false],
    ['10.96.0.1', 6443, [], true],
    ['10.96.0.2', 443, [], true],
    ['::ffff:10.96.0.1', 443, [], false],
    ['2400::5efe:10.96.0.1', 443, [], false],
    ['203.0.114.7', 6443, [], false],
    ['64:ff9b::203.0.114.7', 6443, [], false],
    ['fd00:96::1', 443, [], false],
    ['fd00:96:0:0::1', 443, [], false],
    ['10.96.0.1', 443, ['10.0.0.0/8'], false],
    ['10.96.0.1', 443, ['10.96.0.0/31'], false],
    ['10.96.0.1', 443, ['10.96.0.2/32'], false],
    ['10.96.0.1', 443, ['0.0.0.0/0'], false],
    ['10.96.0.1', 443, ['10.96.0.1/32'], true],
    ['::ffff:10.96.0.1', 443, ['10.96.0.1/32'], true],
    ['2400::5efe:10.96.0.1', 443, ['10.96.0.1/32'], false],
    ['fd00:96::1', 443, ['fd00::/8'], false],
    ['fd00:96::1', 443, ['fd00:96::1/128'], true],
  ])('%s port %d with allowed %j: %j', (address, port, allow, expected) => {
    expect(aGuard({ apiServers: API_SERVERS, allow }).allows(address, port)).toBe(expected);
  });

  test('a denial wins over the /32 that names it', () => {
    const guard = aGuard({ apiServers: API_SERVERS, allow: ['10.96.0.1/32'], deny: ['10.96.0.0/16'] });
    expect(guard.allows('10.96.0.1', 443)).toBe(false);
  });

  test('is refused from the moment it is known, and no longer than that', () => {
    let servers: readonly ApiServer[] = [];
    const guard = createAddressGuard({ allow: [], deny: [], apiServers: () => servers });
    expect(guard.allows('10.0.0.5', 6443)).toBe(true);
    servers = [{ address: '::ffff:10.0.0.5', port: 6443 }];
    expect(guard.allows('10.0.0.5', 6443)).toBe(false);
    servers = [];
    expect(guard.allows('10.0.0.5', 6443)).toBe(true);
  });

  test('known by name, that name is refused at its port', () => {
    const guard = aGuard({ apiServers: [{ address: 'api.cluster.example', port: 6443 }] });
    expect(guard.refusesUrl(new URL('https://API.cluster.example.:6443/'))).toBe(true);
    expect(guard.refusesUrl(new URL('https://api.cluster.example/'))).toBe(false);
  });
});

describe('URLs', () => {
  const SPELLINGS = [
    'http://127.0.0.1/',
    'http://127.0.0.1./',
    'http://127.1/',
    'http://127.0.1/',
    'http://2130706433/',
    'http://0x7f000001/',
    'http://0x7f.1/',
    'http://0177.0.0.1/',
    'http://0177.0.0x0.1/',
    'http://127.0.0.1:8080/',
    'http://%31%32%37.0.0.1/',
    'http://１２７.0.0.1/',
    'http://127。0。0。1/',
    'HTTPS://127.1/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:7f00:1]/',
    'http://[0:0:0:0:0:FFFF:7F00:0001]/',
  ];
  test.each([
    ...SPELLINGS,
    'http://0/',
    'http://[::]/',
    'http://[::1]/',
    'http://[::7f00:1]/',
    'http://[64:ff9b::7f00:1]/',
    'http://[2400::5efe:7f00:1]/',
    'http://169.254.169.254/latest/meta-data',
    'http://2852039166/',
    'http://[fd00:ec2::254]/',
    'http://10.0.0.1:10250/',
    'http://localhost/',
    'http://localhost./',
    'http://LOCALHOST/',
    'http://localhost:8080/',
    'https://a.localhost/',
    'https://a.b.localhost./',
    'https://ⓛocalhost/',
  ])('%s is refused', (text) => {
    expect(PLAIN.refusesUrl(new URL(text))).toBe(true);
  });

  test.each(SPELLINGS)('%s is not refused where its range is allowed', (text) => {
    expect(aGuard({ allow: ['127.0.0.0/8'] }).refusesUrl(new URL(text))).toBe(false);
  });

  test.each([
    'http://10.0.0.1/',
    'http://167772161/',
    'https://[fd00::1]/',
    'https://example.com/',
    'https://localhost.example/',
    'https://notlocalhost/',
    'http://flag-cache.shop.svc/',
  ])('%s is not refused', (text) => {
    expect(PLAIN.refusesUrl(new URL(text))).toBe(false);
  });

  test.each<[readonly string[], readonly string[], boolean]>([
    [['127.0.0.1/32'], [], false],
    [['127.0.0.0/8'], [], false],
    [['127.0.0.2/32'], [], true],
    [['::1/128'], [], true],
    [['127.0.0.0/8'], ['127.0.0.1/32'], true],
  ])('with allowed %j and denied %j, localhost is refused: %j', (allow, deny, expected) => {
    const guard = aGuard({ allow, deny });
    for (const name of ['localhost', 'localhost.', 'a.localhost', 'a.localhost.']) {
      expect(guard.refusesUrl(new URL(`http://${name}:8080/`))).toBe(expected);
    }
  });

  test("the port of the URL decides, or its scheme's", () => {
    const guard = aGuard({ apiServers: API_SERVERS });
    expect(guard.refusesUrl(new URL('https://10.96.0.1/'))).toBe(true);
    expect(guard.refusesUrl(new URL('https://10.96.0.1:443/'))).toBe(true);
    expect(guard.refusesUrl(new URL('http://10.96.0.1/'))).toBe(false);
    expect(guard.refusesUrl(new URL('http://10.96.0.1:443/'))).toBe(true);
  });
});
