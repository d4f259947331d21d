import { describe, expect, test } from '@jest/globals';
import { holds, names, parseAddress, parseCidr } from '../../src/http/cidr.ts';

function inRange(range: string, text: string): boolean {
  const address = parseAddress(text);
  if (!address) throw new Error(`${text} is no address`);
  return holds(parseCidr(range), address);
}

describe('parseCidr', () => {
  test.each([
    ['10.0.0.0', /write an address and a prefix length/],
    ['10.0.0.0/', /write an address/],
    ['10.0.0.0/x', /write an address/],
    ['10.0.0.0/-1', /write an address/],
    ['10.0.0/8', /write an address/],
    ['0x0a.0.0.0/8', /write an address/],
    ['010.0.0.0/8', /write an address/],
    ['localhost/32', /write an address/],
    ['[::1]/128', /write an address/],
    ['fe80::1%eth0/64', /write an address/],
    ['', /write an address/],
    [' 10.0.0.0/8', /write an address/],
    ['10.0.0.0/33', /at most 32/],
    ['::1/129', /at most 128/],
  ])('refuses %j and says how to write it', (text, message) => {
    expect(() => parseCidr(text)).toThrow(message);
  });

  test('ignores the bits after the prefix', () => {
    expect(inRange('10.1.2.3/8', '10.200.0.1')).toBe(true);
  });
});

describe('holds', () => {
  test.each([
    ['172.16.0.0/12', '172.15.255.255', false],
    ['172.16.0.0/12', '172.16.0.0', true],
    ['172.16.0.0/12', '172.31.255.255', true],
    ['172.16.0.0/12', '172.32.0.0', false],
    ['0.0.0.0/0', '255.255.255.255', true],
    ['2001::/23', '2001:1ff:ffff::', true],
    ['2001::/23', '2001:200::', false],
    ['0.0.0.0/0', '::ffff:1.2.3.4', false],
    ['::/0', '1.2.3.4', false],
  ])('%s holds %s: %j', (range, address, expected) => {
    expect(inRange(range, address)).toBe(expected);
  });
});

test.each([
  ['10.0.0.1/32', '10.0.0.1', true],
  ['10.0.0.1/31', '10.0.0.1', false],
  ['fd00::1/128', 'fd00:0::1', true],
  ['fd00::1/127', 'fd00::1', false],
])('%s names %s: %j', (range, text, expected) => {
  const address = parseAddress(text);
  expect(address && names(parseCidr(range), address)).toBe(expected);
});
