import { describe, expect, test } from '@jest/globals';
import type { TLSSocket, TlsOptions } from 'node:tls';
import type { Socket } from 'node:net';
import { SecretBytes } from '../../src/delivery/secretBytes.ts';
import type { TlsMaterial } from '../../src/http/tlsMaterial.ts';
import type { Sender } from '../../src/http/sender.ts';
import { addresses, anAttempt, receiving, sending, urlOf } from '../support/attempts.ts';
import {
  createAuthority,
  type Authority,
  type Certificate,
  type CertificateOptions,
} from '../support/certificates.ts';
import { OK, type RawReceiver, type RawReceiverOptions } from '../support/rawReceiver.ts';
import { waitUntil } from '../support/waitUntil.ts';

const HOUR = 3_600_000;
const authority = createAuthority('Test Root');
const stranger = createAuthority('Stranger');

const bytes = (text: string) => new SecretBytes(Buffer.from(text));
const trusting = ({ certificate }: Certificate): TlsMaterial => ({ ca: bytes(certificate) });
const identifiedBy = ({ certificate, key }: Certificate): TlsMaterial => ({
  ...trusting(authority),
  certificate: bytes(certificate),
  key: bytes(key),
});

const named = (serverName: string): TlsMaterial => ({ ...trusting(authority), serverName });

interface SecureReceiverOptions extends Omit<RawReceiverOptions, 'tls'> {
  readonly issuer?: Authority;
  readonly issue?: CertificateOptions;
  readonly tls?: TlsOptions;
}

function aSecureReceiver({
  issuer = authority,
  issue,
  tls,
  ...rest
}: SecureReceiverOptions = {}): Promise<RawReceiver> {
  const { certificate, key } = issuer.issue({ names: ['receiver.test', '127.0.0.1'], ...issue });
  return receiving({ ...rest, tls: { cert: certificate, key, ...tls } });
}

/** Names lead to loopback. */
function sendingByName(): Sender {
  return sending({ resolve: () => Promise.resolve(addresses('127.0.0.1')) });
}

function sendTo(
  receiver: RawReceiver,
  tls?: TlsMaterial,
  { sender = sendingByName(), host = 'receiver.test' } = {},
) {
  return sender.send(anAttempt(urlOf(receiver, { host, scheme: 'https' }), { tls }));
}

describe("the receiver's certificate", () => {
  test.each(['receiver.test', 'RECEIVER.test.', '127.0.0.1'])(
    'is accepted from the CA, for %s',
    async (host) => {
      const receiver = await aSecureReceiver();
      expect(await sendTo(receiver, trusting(authority), { host })).toMatchObject({
        kind: 'answered',
        statusCode: 200,
      });
    },
  );

  test('is accepted from each CA of a file with several', async () => {
    const ca = `# old\n${stranger.certificate}\n# new\n${authority.certificate}`;
    const sender = sendingByName();
    for (const issuer of [authority, stranger]) {
      const receiver = await aSecureReceiver({ issuer });
      expect(await sendTo(receiver, { ca: bytes(ca) }, { sender })).toMatchObject({ statusCode: 200 });
    }
  });

  test.each<[string, TlsMaterial | undefined, SecureReceiverOptions, string]>([
    ['without the CA', undefined, {}, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ['from another CA', trusting(stranger), {}, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    [
      'that is over',
      trusting(authority),
      { issue: { notAfter: new Date(Date.now() - HOUR) } },
      'CERT_HAS_EXPIRED',
    ],
    [
      'that is not valid yet',
      trusting(authority),
      { issue: { notBefore: new Date(Date.now() + HOUR) } },
      'CERT_NOT_YET_VALID',
    ],
    [
      'for another name',
      trusting(authority),
      { issue: { names: ['other.test'] } },
      'ERR_TLS_CERT_ALTNAME_INVALID',
    ],
    ['without a name', trusting(authority), { issue: { names: [] } }, 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ])('is refused %s', async (_, tls, options, detail) => {
    const receiver = await aSecureReceiver(options);
    const result = await sendTo(receiver, tls);
    expect(result).toEqual({
      kind: 'failed',
      failure: 'TLSFailed',
      detail,
      durationMilliseconds: expect.any(Number),
    });
    expect(receiver.requests).toEqual([]);
    await waitUntil('the connection is closed', () => receiver.open === 0);
  });

  test('is refused whatever NODE_TLS_REJECT_UNAUTHORIZED says', async () => {
    const receiver = await aSecureReceiver();
    const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      expect(await sendTo(receiver)).toMatchObject({ failure: 'TLSFailed' });
    } finally {
      if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
      else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before;
    }
    expect(receiver.requests).toEqual([]);
  });

  test('rotated, with the CA, is accepted by new connections, while a request in flight goes on', async () => {
    const held: Socket[] = [];
    const old = await aSecureReceiver({ onRequest: (socket) => void held.push(socket) });
    const sender = sendingByName();
    const inFlight = sendTo(old, trusting(authority), { sender });
    await waitUntil('the request arrived', () => held.length === 1);
    const renewed = await aSecureReceiver({ issuer: stranger });
    expect(await sendTo(renewed, trusting(authority), { sender })).toMatchObject({ failure: 'TLSFailed' });
    expect(await sendTo(renewed, trusting(stranger), { sender })).toMatchObject({ statusCode: 200 });
    expect(await sendTo(old, trusting(stranger), { sender })).toMatchObject({ failure: 'TLSFailed' });
    held[0]?.write(OK);
    expect(await inFlight).toMatchObject({ statusCode: 200 });
  });

  test('was checked for a connection that is kept: other trust opens another', async () => {
    const receiver = await aSecureReceiver();
    const sender = sendingByName();
    await sendTo(receiver, trusting(authority), { sender });
    await sendTo(receiver, trusting(authority), { sender });
    expect(receiver.connections).toBe(1);
    expect(await sendTo(receiver, trusting(stranger), { sender })).toMatchObject({ failure: 'TLSFailed' });
  });
});

describe('serverName', () => {
  test('is asked for and checked instead of the host', async () => {
    const asked: unknown[] = [];
    const receiver = await aSecureReceiver({
      issue: { names: ['flag-cache.internal'] },
      onConnection: (socket) => void asked.push((socket as TLSSocket).servername),
    });
    const tls = named('flag-cache.internal');
    expect(await sendTo(receiver, tls)).toMatchObject({ statusCode: 200 });
    expect(await sendTo(receiver, tls, { host: '127.0.0.1' })).toMatchObject({ statusCode: 200 });
    expect(asked).toEqual(['flag-cache.internal', 'flag-cache.internal']);
    expect(receiver.requests[0]).toMatch(`\r\nhost: receiver.test:${receiver.port}\r\n`);
  });

  test('that the certificate is not for is TLSFailed, though the host would match', async () => {
    const receiver = await aSecureReceiver();
    expect(await sendTo(receiver, named('other.test'))).toMatchObject({
      failure: 'TLSFailed',
      detail: 'ERR_TLS_CERT_ALTNAME_INVALID',
    });
  });

  test('may be an address, which is checked and not asked for', async () => {
    const receiver = await aSecureReceiver({ issue: { names: ['127.0.0.1'] } });
    expect(await sendTo(receiver, named('127.0.0.1'))).toMatchObject({
      statusCode: 200,
    });
  });

  test('changed is in use with the next request', async () => {
    const receiver = await aSecureReceiver();
    const sender = sendingByName();
    expect(await sendTo(receiver, named('receiver.test'), { sender })).toMatchObject({ statusCode: 200 });
    expect(await sendTo(receiver, named('other.test'), { sender })).toMatchObject({ failure: 'TLSFailed' });
  });
});

describe('a client certificate', () => {
  const requiring: TlsOptions = { requestCert: true, rejectUnauthorized: true, ca: authority.certificate };

  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'that the receiver requires over %s is shown, or the attempt fails',
    async (version) => {
      const receiver = await aSecureReceiver({
        tls: { ...requiring, minVersion: version, maxVersion: version },
      });
      const known = identifiedBy(authority.issue({ commonName: 'known' }));
      expect(await sendTo(receiver, known)).toMatchObject({ statusCode: 200 });
      for (const tls of [trusting(authority), identifiedBy(stranger.issue({}))]) {
        const result = await sendTo(receiver, tls);
        expect(result).toMatchObject({ kind: 'failed' });
        expect(['TLSFailed', 'ConnectionReset']).toContain(result.kind === 'failed' && result.failure);
      }
      expect(receiver.requests).toHaveLength(1);
    },
  );

  test('that was rotated is shown with the next request', async () => {
    const shown: string[] = [];
    const receiver = await aSecureReceiver({
      tls: requiring,
      onRequest: (socket) => {
        shown.push(String((socket as TLSSocket).getPeerCertificate().subject.CN));
        socket.write(OK);
      },
    });
    const sender = sendingByName();
    for (const commonName of ['first', 'second']) {
      const tls = identifiedBy(authority.issue({ commonName }));
      expect(await sendTo(receiver, tls, { sender })).toMatchObject({ statusCode: 200 });
    }
    expect(shown).toEqual(['first', 'second']);
  });
});

describe('a receiver that does not speak TLS as it should', () => {
  test('TLS 1.2 is spoken', async () => {
    const receiver = await aSecureReceiver({ tls: { maxVersion: 'TLSv1.2' } });
    expect(await sendTo(receiver, trusting(authority))).toMatchObject({ statusCode: 200 });
  });

  test('TLS 1.1 alone is TLSFailed', async () => {
    const receiver = await aSecureReceiver({
      tls: { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' },
    });
    expect(await sendTo(receiver, trusting(authority))).toMatchObject({ failure: 'TLSFailed' });
    expect(receiver.requests).toEqual([]);
  });

  test('plain HTTP is TLSFailed', async () => {
    const receiver = await receiving({
      onConnection: (socket) =>
        void socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
    });
    expect(await sendTo(receiver, trusting(authority))).toMatchObject({ failure: 'TLSFailed' });
  });

  test.each<[string, (socket: Socket) => void]>([
    ['closes', (socket) => void socket.end()],
    ['resets', (socket) => void socket.resetAndDestroy()],
  ])('one that %s the connection in the handshake is ConnectionReset', async (_, close) => {
    const receiver = await receiving({
      onConnection: (socket) => void socket.once('data', () => close(socket)),
    });
    expect(await sendTo(receiver, trusting(authority))).toMatchObject({
      failure: 'ConnectionReset',
      detail: 'HANDSHAKE',
    });
    expect(receiver.connections).toBe(1);
  });

  test('one that never answers the handshake is a Timeout', async () => {
    const receiver = await receiving({ onRequest: () => {} });
    const url = urlOf(receiver, { scheme: 'https' });
    expect(await sending().send(anAttempt(url, { timeoutMilliseconds: 200 }))).toMatchObject({
      failure: 'Timeout',
    });
    await waitUntil('the connection is closed', () => receiver.open === 0);
  });
});
