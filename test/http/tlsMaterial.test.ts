import { describe, expect, test } from '@jest/globals';
import { generateKeyPairSync } from 'node:crypto';
import { SecretBytes } from '../../src/delivery/secretBytes.ts';
import {
  checkTlsMaterial,
  createReceiverContext,
  fingerprintOf,
  type TlsMaterial,
} from '../../src/http/tlsMaterial.ts';
import { createAuthority } from '../support/certificates.ts';

const authority = createAuthority();
const { certificate, key } = authority.issue({ names: ['client.test'] });
const other = authority.issue({ names: ['other.test'] });
const { certificate: ca } = authority;
const BOM = '\u{feff}';
const CRLF = (text: string) => text.replaceAll('\n', '\r\n');

interface MaterialText {
  readonly ca?: string;
  readonly certificate?: string;
  readonly key?: string;
  readonly serverName?: string;
}

const bytes = (text?: string) => (text === undefined ? undefined : new SecretBytes(Buffer.from(text)));

function aMaterial({ ca: root, certificate: own, key: privateKey, serverName }: MaterialText): TlsMaterial {
  return { ca: bytes(root), certificate: bytes(own), key: bytes(privateKey), serverName };
}

describe('material that is fine', () => {
  test.each<[string, MaterialText]>([
    ['nothing', {}],
    ['a server name alone', { serverName: 'flag-cache.internal' }],
    ['a CA', { ca }],
    [
      'three CAs with comments',
      { ca: `# first\n${ca}\nsecond: é\n${createAuthority().certificate}# third\n${ca}` },
    ],
    ['a CA with CRLF', { ca: CRLF(ca) }],
    ['a CA with a byte order mark', { ca: BOM + ca }],
    ['a CA without a newline at its end', { ca: ca.trim() }],
    ['a client certificate and its key', { certificate, key }],
    ['a client certificate with its chain', { certificate: certificate + ca, key }],
    ['both with CRLF and a byte order mark', { certificate: BOM + CRLF(certificate), key: BOM + CRLF(key) }],
  ])('%s', (_, texts) => {
    const material = aMaterial(texts);
    expect(checkTlsMaterial(material)).toBeUndefined();
    expect(() => createReceiverContext(material)).not.toThrow();
  });
});

describe('what is wrong is said', () => {
  const broken = certificate.replace(/\n.{10}/, '\nAAAAAAAAAA');
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const encrypted = privateKey
    .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
    .toString();

  test.each<[string, MaterialText, RegExp]>([
    ['an empty CA', { ca: '' }, /the CA has no certificate/],
    ['a CA that is not PEM', { ca: 'not a certificate' }, /the CA has no certificate/],
    ['a key in the place of a CA', { ca: key }, /the CA has no certificate/],
    ['a CA that is cut off', { ca: ca.slice(0, 200) }, /the CA: certificate 1 of 1 can't be read/],
    [
      'a bad certificate among three',
      { ca: `${ca}${broken}${ca}` },
      /the CA: certificate 2 of 3 can't be read/,
    ],
    [
      'a bad client certificate',
      { certificate: broken, key },
      /client certificate: certificate 1 of 1 can't be read/,
    ],
    ['a client certificate without a key', { certificate }, /no key that belongs to it/],
    ['a key without a client certificate', { key }, /no client certificate that it belongs to/],
    [
      'a key of another certificate',
      { certificate, key: other.key },
      /does not belong to the client certificate/,
    ],
    [
      'the key of the last in the chain',
      { certificate: certificate + ca, key: authority.key },
      /does not belong/,
    ],
    ['a key that is none', { certificate, key: 'hello' }, /not a private key in PEM/],
    ['an encrypted key', { certificate, key: encrypted }, /encrypted; store it without a passphrase/],
  ])('%s', (_, texts, message) => {
    const problem = checkTlsMaterial(aMaterial(texts));
    expect(problem).toMatch(message);
    expect(problem).toMatch(/^[\x20-\x7e]+$/);
    // Asked again, it is remembered.
    expect(checkTlsMaterial(aMaterial(texts))).toBe(problem);
  });

  test('a key that is too short', () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const weak = authority.issue({ publicKey: rsa.publicKey });
    const pem = rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    expect(checkTlsMaterial(aMaterial({ certificate: weak.certificate, key: pem }))).toMatch(
      /OpenSSL refuses/,
    );
  });
});

test('the fingerprint differs where anything differs', () => {
  const materials: readonly MaterialText[] = [
    {},
    { serverName: 'a' },
    { serverName: 'b' },
    { serverName: '' },
    { ca: 'a' },
    { ca: '' },
    { certificate: 'a' },
    { key: 'a' },
    { ca: 'a', certificate: 'b' },
    { ca: 'ab' },
    { ca: 'a', key: 'b' },
    { ca: 'a', serverName: 'b' },
    { ca: 'a1:b' },
  ];
  const fingerprints = materials.map((texts) => fingerprintOf(aMaterial(texts)));
  expect(new Set(fingerprints).size).toBe(materials.length);
  expect(fingerprintOf(aMaterial({ ca: 'a' }))).toBe(fingerprints[4]);
});
