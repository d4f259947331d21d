import { spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { canonicalJson } from '../../src/delivery/canonicalJson.ts';
import { SecretBytes } from '../../src/delivery/secretBytes.ts';
import { signatureHeaders } from '../../src/delivery/sign.ts';
import { seedAuditLog, seedFlagUpdatedBody } from '../support/seedPayloads.ts';

const SECRET = 'my shared secret';
const ENCODED = `whsec_${Buffer.from('0123456789abcdef01234567').toString('base64')}`;
// standardwebhooks compares the time with that of the machine.
const NOW = Math.floor(Date.now() / 1000);

const key = (text: string): SecretBytes => new SecretBytes(Buffer.from(text));
const sign = (body: Uint8Array, ...keys: string[]): Record<string, string> =>
  Object.fromEntries(
    signatureHeaders({ deliveryId: 'msg_1', timestampSeconds: NOW, body, keys: keys.map(key) }),
  );
const hex = (secret: string | Buffer, body: Uint8Array): string =>
  createHmac('sha256', secret).update(body).digest('hex');

const BODIES = [
  ['FLAG_UPDATED', canonicalJson(seedFlagUpdatedBody)],
  ['AUDIT_LOG', canonicalJson(seedAuditLog)],
  ['a body with letters outside ASCII', canonicalJson({ 'schlüssel 🔑': '\u2028 ü 😀 \ud800' })],
] as const;

/** The lines of the seed, "Validating Signature", with the request put together before and the result printed. */
const SEED_PYTHON = `
import hashlib, hmac, sys
request_body = sys.stdin.buffer.read()
request = {"headers": {"x-flagsmith-signature": sys.argv[1]}}

secret = "my shared secret"

expected_signature = hmac.new(
    key=secret.encode(),
    msg=request_body,
    digestmod=hashlib.sha256,
).hexdigest()

received_signature = request["headers"]["x-flagsmith-signature"]
print(hmac.compare_digest(expected_signature, received_signature) is True)
`;

const hasPython = spawnSync('python3', ['--version']).status === 0;
const describeWithPython = hasPython ? describe : describe.skip;

describeWithPython(`the seed's own Python${hasPython ? '' : ' (skipped: there is no python3)'}`, () => {
  test.each(BODIES)('verifies X-Flagsmith-Signature of %s', (_name, body) => {
    const verify = (signature: string | undefined) =>
      spawnSync('python3', ['-c', SEED_PYTHON, signature ?? ''], { input: body, encoding: 'utf8' }).stdout;

    expect(verify(sign(body, SECRET)['X-Flagsmith-Signature'])).toBe('True\n');
    expect(verify(sign(body, 'another secret')['X-Flagsmith-Signature'])).toBe('False\n');
  });
});

describe('X-Flagsmith-Signature', () => {
  test.each([
    ['a newline at its end', `${SECRET}\n`],
    ['a CRLF at its end', `${SECRET}\r\n`],
    ['a byte order mark', `\ufeff${SECRET}`],
    ['letters outside ASCII', 'pässwörd'],
    ['the prefix whsec_', ENCODED],
  ])('uses a key with %s as it is stored', (_name, secret) => {
    const body = canonicalJson(seedAuditLog);

    expect(sign(body, secret)['X-Flagsmith-Signature']).toBe(hex(secret, body));
  });

  test('uses bytes that are no text as they are stored', () => {
    const bytes = Buffer.from([0xff, 0x00, 0x80, 0x0a]);
    const body = canonicalJson(seedAuditLog);
    const headers = signatureHeaders({
      deliveryId: 'a',
      timestampSeconds: 1,
      body,
      keys: [new SecretBytes(bytes)],
    });

    expect(headers[0]).toEqual(['X-Flagsmith-Signature', hex(bytes, body)]);
  });

  test('is made with the first key alone', () => {
    const body = canonicalJson(seedAuditLog);

    expect(sign(body, 'new', 'old')['X-Flagsmith-Signature']).toBe(hex('new', body));
  });
});

describe('webhook-signature', () => {
  test.each(BODIES)('of %s is verified by the standardwebhooks package with every key', (_name, body) => {
    const headers = sign(body, SECRET, ENCODED, 'old');
    const payload = Buffer.from(body);

    expect(headers['webhook-signature']?.split(' ')).toHaveLength(3);
    for (const webhook of [
      new Webhook(SECRET, { format: 'raw' }),
      new Webhook(ENCODED),
      new Webhook('old', { format: 'raw' }),
    ]) {
      expect(webhook.verify(payload, headers)).toEqual(JSON.parse(payload.toString()));
    }
    expect(() => new Webhook('wrong', { format: 'raw' }).verify(payload, headers)).toThrow(
      'No matching signature',
    );
    expect(() => new Webhook(SECRET, { format: 'raw' }).verify(`${payload.toString()} `, headers)).toThrow(
      'No matching signature',
    );
    expect(() =>
      new Webhook(SECRET, { format: 'raw' }).verify(payload, { ...headers, 'webhook-id': 'msg_2' }),
    ).toThrow('No matching signature');
  });

  test('has one v1 signature a key, in the order of the keys', () => {
    const body = canonicalJson(seedAuditLog);
    const one = (secret: string) => sign(body, secret)['webhook-signature'];

    expect(sign(body, 'a', 'b')['webhook-signature']).toBe(`${one('a')} ${one('b')}`);
    expect(one('a')).toMatch(/^v1,[A-Za-z0-9+/]{43}=$/);
  });

  test('decodes a key that begins with whsec_, with or without a newline at its end', () => {
    const body = canonicalJson(seedAuditLog);

    expect(sign(body, `${ENCODED}\n`)['webhook-signature']).toBe(sign(body, ENCODED)['webhook-signature']);
    expect(sign(body, ENCODED)['webhook-signature']).toBe(
      sign(body, '0123456789abcdef01234567')['webhook-signature'],
    );
  });
});

describe('signatureHeaders', () => {
  test('without a key still say which delivery it is, and sign nothing', () => {
    const headers = signatureHeaders({
      deliveryId: 'msg_1',
      timestampSeconds: 17,
      body: new Uint8Array(),
      keys: [],
    });

    expect(headers).toEqual([
      ['webhook-id', 'msg_1'],
      ['webhook-timestamp', '17'],
    ]);
  });
});
