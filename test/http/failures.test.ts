import { expect, test } from '@jest/globals';
import { AttemptError, failureOf } from '../../src/http/failures.ts';

const withCode = (code: unknown, message = 'to 10.0.0.1:443 for /hooks?token=1') =>
  Object.assign(new Error(message), { code });

test.each([
  ['ECONNREFUSED', 'ConnectionRefused'],
  ['EHOSTUNREACH', 'ConnectionRefused'],
  ['ENETUNREACH', 'ConnectionRefused'],
  ['ECONNRESET', 'ConnectionReset'],
  ['EPIPE', 'ConnectionReset'],
  ['UND_ERR_SOCKET', 'ConnectionReset'],
  ['ETIMEDOUT', 'Timeout'],
  ['ENOTFOUND', 'DNSLookupFailed'],
  ['EAI_AGAIN', 'DNSLookupFailed'],
  ['EAI_NODATA', 'DNSLookupFailed'],
  ['CERT_HAS_EXPIRED', 'TLSFailed'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'TLSFailed'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'TLSFailed'],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'TLSFailed'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'TLSFailed'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'TLSFailed'],
  ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'TLSFailed'],
  ['EPROTO', 'TLSFailed'],
  ['ERR_ASSERTION', 'InvalidResponse'],
  ['UND_ERR_HEADERS_OVERFLOW', 'InvalidResponse'],
])('%s is %s', (code, failure) => {
  expect(failureOf(withCode(code))).toEqual({ failure, detail: code });
});

test.each([
  ['unknown', withCode('EWHATEVER')],
  ["the peer's words", withCode('secret of the peer')],
  ['a number', withCode(7)],
  ['absent', new Error('without')],
])('a code that is %s does not go out', (_, error) => {
  expect(failureOf(error)).toEqual({ failure: 'ConnectionReset' });
});

test.each([undefined, null, 'text', {}])('%j, thrown, is a failure too', (thrown) => {
  expect(failureOf(thrown)).toEqual({ failure: 'ConnectionReset' });
});

test('a reason that is known already stays', () => {
  expect(failureOf(new AttemptError('TLSFailed', 'HANDSHAKE'))).toEqual({
    failure: 'TLSFailed',
    detail: 'HANDSHAKE',
  });
});
