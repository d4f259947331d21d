import { expect, test } from '@jest/globals';
import type { EndpointConfig } from '../../src/delivery/resolve.ts';
import { sameConfig } from '../../src/delivery/sameConfig.ts';
import { SecretBytes } from '../../src/delivery/secretBytes.ts';

const bytes = (text: string) => new SecretBytes(Buffer.from(text));

function aConfig(changes: Partial<EndpointConfig> = {}): EndpointConfig {
  return {
    url: new URL('https://flag-cache.shop.svc/hooks?token=1'),
    host: 'flag-cache.shop.svc',
    signingKeys: [bytes('key')],
    headers: [['X-Team', 'shop']],
    tls: { ca: bytes('ca'), certificate: bytes('certificate'), key: bytes('key'), serverName: 'a.example' },
    ...changes,
  };
}

test('two configurations of the same content are the same', () => {
  expect(sameConfig(aConfig(), aConfig())).toBe(true);
});

test.each<[what: string, changes: Partial<EndpointConfig>]>([
  ['URL', { url: new URL('https://flag-cache.shop.svc/hooks?token=2') }],
  ['signing key', { signingKeys: [bytes('yek')] }],
  ['number of signing keys', { signingKeys: [bytes('key'), bytes('key')] }],
  ['header', { headers: [['X-Team', 'bank']] }],
  ['CA', { tls: { ...aConfig().tls, ca: bytes('ac') } }],
  ['certificate', { tls: { ...aConfig().tls, certificate: bytes('other') } }],
  ['private key', { tls: { ...aConfig().tls, key: bytes('other') } }],
  ['server name', { tls: { ...aConfig().tls, serverName: 'b.example' } }],
  ['TLS at all', { tls: undefined }],
])('they differ by their %s', (_what, changes) => {
  expect(sameConfig(aConfig(), aConfig(changes))).toBe(false);
});
