import { describe, expect, test } from '@jest/globals';
import type { ObservedObject } from '../../src/delivery/readReference.ts';
import { resolveEndpoint, type ResolveInput } from '../../src/delivery/resolve.ts';
import { SecretBytes } from '../../src/delivery/secretBytes.ts';
import { anEndpoint } from '../support/fixtures.ts';

type Objects = Readonly<Record<string, ObservedObject>>;

function found(data: Readonly<Record<string, string | Buffer>>, more: object = {}): ObservedObject {
  const bytes = Object.entries(data).map(
    ([key, value]) => [key, new SecretBytes(Buffer.from(value))] as const,
  );
  return { state: 'found', data: new Map(bytes), ...more };
}

function resolve(spec: object, objects: Objects = {}, changes: Partial<ResolveInput> = {}) {
  return resolveEndpoint({
    spec: anEndpoint({ spec }).spec,
    observe: (kind, name) => objects[`${kind}/${name}`] ?? { state: 'missing' },
    refusesUrl: ({ hostname }) => hostname === 'forbidden.example',
    checkTls: ({ ca, certificate }) =>
      [ca, certificate].some((bytes) => bytes?.reveal().toString() === 'bad') ? 'it is bad' : undefined,
    ...changes,
  });
}

function reasonOf(spec: object, objects?: Objects): string {
  const resolution = resolve(spec, objects);
  return resolution.state === 'refused' ? resolution.refusal.reason : resolution.state;
}

const urlRef = { urlSecretKeyRef: { name: 'hook', key: 'url' } };
const keyRef = (name = 'hook', key = 'secret', optional?: boolean) => ({
  secretKeyRef: { name, key, optional },
});
const signed = { signingKeys: [keyRef()] };
const tokened = { headers: [{ name: 'Authorization', valueFrom: keyRef('hook', 'token') }] };
const caFromMap = { tls: { caFrom: { configMapKeyRef: { name: 'ca', key: 'ca.crt' } } } };
const client = { tls: { clientCertificateSecretRef: { name: 'hook-client' } } };

describe('an endpoint whose references are all there', () => {
  test('gives what a request needs', () => {
    const resolution = resolve(
      {
        url: 'https://user-cache.shop.svc:8443/hooks?x=1',
        signingKeys: [keyRef('hook', 'secret'), keyRef('old', 'secret')],
        headers: [{ name: 'X-Team', value: 'shop' }, ...tokened.headers],
        tls: { ...caFromMap.tls, serverName: 'cache.internal' },
      },
      {
        'Secret/hook': found({ secret: 'one', token: 'Bearer abc' }),
        'Secret/old': found({ secret: 'two' }),
        'ConfigMap/ca': found({ 'ca.crt': 'PEM' }),
      },
    );
    if (resolution.state !== 'usable') throw new Error(resolution.state);
    const { url, host, signingKeys, headers, tls } = resolution.config;
    expect([String(url), host]).toEqual([
      'https://user-cache.shop.svc:8443/hooks?x=1',
      'user-cache.shop.svc',
    ]);
    expect(signingKeys.map((key) => key.reveal().toString())).toEqual(['one', 'two']);
    expect(headers).toEqual([
      ['X-Team', 'shop'],
      ['Authorization', 'Bearer abc'],
    ]);
    expect([tls?.ca?.reveal().toString(), tls?.serverName]).toEqual(['PEM', 'cache.internal']);
  });

  test('leaves an optional key out while its Secret or its key in it is not there', () => {
    const keys = [keyRef(), keyRef('gone', 'secret', true), keyRef('hook', 'gone', true)];
    const resolution = resolve({ signingKeys: keys }, { 'Secret/hook': found({ secret: 'one' }) });
    expect(resolution).toMatchObject({ state: 'usable', config: { signingKeys: [expect.anything()] } });
  });

  test('says so where a signing key ends in a newline, and uses it as it is', () => {
    const resolution = resolve(signed, { 'Secret/hook': found({ secret: 'one\n' }) });
    if (resolution.state !== 'usable') throw new Error(resolution.state);
    expect(resolution.config.signingKeys[0]?.reveal().toString()).toBe('one\n');
    expect(resolution.notes).toEqual([
      'spec.signingKeys[0]: key secret of Secret hook ends in a newline, which is used as a part of the key',
    ]);
  });

  test('is not known before each of them was read', () => {
    const objects: Objects = { 'Secret/hook': { state: 'unknown' } };
    expect(resolve(signed, objects)).toEqual({ state: 'unknown' });
  });
});

describe('the reason why an endpoint can not be used', () => {
  const ok = found({ secret: 's', token: 't', url: 'https://a.example/' });
  test.each<[what: string, spec: object, objects: Objects, reason: string]>([
    ['no references at all', {}, {}, 'usable'],
    ['a URL that the parser refuses', { url: 'https://999.1.1.1/' }, {}, 'InvalidURL'],
    ['a URL that the guard refuses', { url: 'https://forbidden.example/' }, {}, 'URLForbidden'],
    ["the URL's Secret is missing", urlRef, {}, 'SecretNotFound'],
    ["the URL's Secret lacks the key", urlRef, { 'Secret/hook': found({ other: 'x' }) }, 'SecretKeyNotFound'],
    [
      "the URL's Secret may not be read",
      urlRef,
      { 'Secret/hook': { state: 'forbidden' } },
      'SecretForbidden',
    ],
    ['the URL in the Secret is empty', urlRef, { 'Secret/hook': found({ url: '' }) }, 'InvalidSecret'],
    [
      'it ends in a newline',
      urlRef,
      { 'Secret/hook': found({ url: 'https://a.example/\n' }) },
      'InvalidSecret',
    ],
    ['it has CRLF', urlRef, { 'Secret/hook': found({ url: 'https://a.example/\r\n' }) }, 'InvalidSecret'],
    ['it has a BOM', urlRef, { 'Secret/hook': found({ url: '\ufeffhttps://a.example/' }) }, 'InvalidSecret'],
    [
      'it is not UTF-8',
      urlRef,
      { 'Secret/hook': found({ url: Buffer.from([0x68, 0xff]) }) },
      'InvalidSecret',
    ],
    ['it is ftp', urlRef, { 'Secret/hook': found({ url: 'ftp://a.example/' }) }, 'InvalidSecret'],
    [
      'it has user info',
      urlRef,
      { 'Secret/hook': found({ url: 'https://u:p@a.example/' }) },
      'InvalidSecret',
    ],
    [
      'it is forbidden',
      urlRef,
      { 'Secret/hook': found({ url: 'http://forbidden.example/' }) },
      'URLForbidden',
    ],
    ['it is good', urlRef, { 'Secret/hook': ok }, 'usable'],
    ['a signing key is missing', signed, {}, 'SecretNotFound'],
    ['its Secret lacks the key', signed, { 'Secret/hook': found({}) }, 'SecretKeyNotFound'],
    ['it may not be read', signed, { 'Secret/hook': { state: 'forbidden' } }, 'SecretForbidden'],
    ['it is empty', signed, { 'Secret/hook': found({ secret: '' }) }, 'InvalidSecret'],
    ['it is any bytes', signed, { 'Secret/hook': found({ secret: Buffer.from([0xff, 0]) }) }, 'usable'],
    ['it is whsec_ and base64', signed, { 'Secret/hook': found({ secret: 'whsec_c2VjcmV0' }) }, 'usable'],
    ['it is whsec_ and not base64', signed, { 'Secret/hook': found({ secret: 'whsec_*' }) }, 'InvalidSecret'],
    ['it is whsec_ alone', signed, { 'Secret/hook': found({ secret: 'whsec_' }) }, 'InvalidSecret'],
    [
      'an optional key may not be read',
      { signingKeys: [keyRef(), keyRef('old', 'secret', true)] },
      { 'Secret/hook': ok, 'Secret/old': { state: 'forbidden' } },
      'SecretForbidden',
    ],
    ['a header value is missing', tokened, {}, 'SecretNotFound'],
    ['it ends in a newline', tokened, { 'Secret/hook': found({ token: 't\n' }) }, 'InvalidSecret'],
    ['it has a space at an end', tokened, { 'Secret/hook': found({ token: ' t' }) }, 'InvalidSecret'],
    ['it has letters outside ASCII', tokened, { 'Secret/hook': found({ token: 'é' }) }, 'InvalidSecret'],
    ['the CA is missing', caFromMap, {}, 'ConfigMapNotFound'],
    ['its ConfigMap lacks the key', caFromMap, { 'ConfigMap/ca': found({}) }, 'ConfigMapKeyNotFound'],
    ['it may not be read', caFromMap, { 'ConfigMap/ca': { state: 'forbidden' } }, 'ConfigMapForbidden'],
    ['the CA is bad', caFromMap, { 'ConfigMap/ca': found({ 'ca.crt': 'bad' }) }, 'InvalidSecret'],
    ['the client certificate is missing', client, {}, 'SecretNotFound'],
    ['it has no key', client, { 'Secret/hook-client': found({ 'tls.crt': 'c' }) }, 'SecretKeyNotFound'],
    [
      'the Secret is a service account token',
      signed,
      { 'Secret/hook': found({ secret: 's' }, { type: 'kubernetes.io/service-account-token' }) },
      'InvalidSecret',
    ],
    [
      'the Secret is a bootstrap token',
      signed,
      { 'Secret/hook': found({ secret: 's' }, { type: 'bootstrap.kubernetes.io/token' }) },
      'InvalidSecret',
    ],
    [
      'the Secret is a Helm release',
      signed,
      { 'Secret/hook': found({ secret: 's' }, { type: 'helm.sh/release.v1' }) },
      'InvalidSecret',
    ],
  ])('%s', (_what, spec, objects, reason) => {
    expect(reasonOf(spec, objects)).toBe(reason);
  });

  test('comes from the URL before it comes from other references', () => {
    expect(reasonOf({ ...signed, url: 'https://999.1.1.1/' })).toBe('InvalidURL');
    expect(reasonOf({ ...signed, url: 'https://forbidden.example/' })).toBe('URLForbidden');
    expect(reasonOf({ ...urlRef, ...signed }, { 'Secret/hook': found({ url: 'x' }) })).toBe('InvalidSecret');
  });

  test('is the first in order, not the first in the spec', () => {
    const spec = { ...signed, ...caFromMap, ...tokened };
    const objects: Objects = { 'Secret/hook': found({ token: 't\n' }) };
    expect(reasonOf(spec, objects)).toBe('SecretKeyNotFound');
  });

  test('is about a bad client certificate before it is about a CA that is missing', () => {
    const spec = { tls: { ...caFromMap.tls, ...client.tls } };
    const objects: Objects = { 'Secret/hook-client': found({ 'tls.crt': 'bad', 'tls.key': 'k' }) };
    expect(reasonOf(spec, objects)).toBe('InvalidSecret');
  });

  test('has a message that names the field and the object, and nothing of a value', () => {
    const resolution = resolve(tokened, { 'Secret/hook': found({ token: 'swordfish\n' }) });
    if (resolution.state !== 'refused') throw new Error(resolution.state);
    expect(resolution.refusal.message).toBe(
      'spec.headers[0]: key token of Secret hook ends in a newline, which a header value must not; store it without (printf, not echo)',
    );
  });
});

describe('flagpost.dev/allowed-hosts', () => {
  const limited = (hosts: string) =>
    found(
      { secret: 's', url: 'https://a.example/' },
      { annotations: { 'flagpost.dev/allowed-hosts': hosts } },
    );
  test.each<[what: string, spec: object, hosts: string, reason: string]>([
    ['allows a Secret for its host', { ...signed, url: 'https://a.example/' }, 'a.example', 'usable'],
    ['refuses it for others', { ...signed, url: 'https://b.example/' }, 'a.example', 'SecretForbidden'],
    ['holds for the Secret of the URL too', urlRef, 'b.example', 'SecretForbidden'],
    ['that is empty allows none', { ...signed, url: 'https://a.example/' }, '', 'SecretForbidden'],
  ])('%s', (_what, spec, hosts, reason) => {
    expect(reasonOf(spec, { 'Secret/hook': limited(hosts) })).toBe(reason);
  });
});
