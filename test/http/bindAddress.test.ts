import { expect, test } from '@jest/globals';
import { parseBindAddress } from '../../src/http/bindAddress.ts';

test.each([
  ['0', undefined],
  [':8080', { port: 8080 }],
  [':0', { port: 0 }],
  ['127.0.0.1:0', { host: '127.0.0.1', port: 0 }],
  ['localhost:65535', { host: 'localhost', port: 65_535 }],
  ['[::1]:8081', { host: '::1', port: 8081 }],
])('%j is %j', (text, expected) => {
  expect(parseBindAddress(text)).toEqual(expected);
});

test.each([
  '',
  '8080',
  ':',
  ':x',
  ':65536',
  ':-1',
  ':80:80',
  '::1:8081',
  '[::1]',
  '[x]:80',
  '[]:80',
  'http://a:80',
  'a b:80',
])('%j is refused, and it is said how to write it', (text) => {
  expect(() => parseBindAddress(text)).toThrow(/is not a bind address: write host:port/);
});
