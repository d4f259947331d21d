import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createAuthority } from '../support/certificates.ts';
import { startOperatorFor, startOperatorProcess, type OperatorProcess } from '../support/operatorProcess.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';
import { aTenant, conditionLines, conditionOf, type Tenant } from '../support/tenant.ts';

const URL_OF_NOBODY = 'http://receiver.shop.svc/hooks/flags?token=sesame';

let tenant: Tenant;
let operator: OperatorProcess;
let receiver: Receiver;

beforeAll(async () => {
  const cluster = await sharedControlPlane();
  tenant = await aTenant(cluster);
  receiver = await startReceiver();
  operator = await startOperatorFor(tenant);
}, 120_000);

afterAll(async () => {
  await receiver?.close();
  expect(await operator?.stop()).toBe(0);
  // Whatever is wrong with a Secret, its content goes nowhere.
  expect(operator?.output()).not.toContain('sesame');
});

async function conditionsOf(name: string): Promise<string[]> {
  return conditionLines((await tenant.endpoint(name)).status?.conditions);
}

interface Case {
  readonly title: string;
  readonly reason: string;
  readonly spec?: Readonly<Record<string, unknown>>;
  /** Of a Secret that is named like the endpoint. */
  readonly data?: Readonly<Record<string, string | Buffer>>;
  readonly secret?: Readonly<Record<string, unknown>>;
  readonly configMap?: Readonly<Record<string, string>>;
}

// Shorthands: `NAME` becomes the endpoint's name, which its Secret and ConfigMap share.
const url = { url: undefined, urlSecretKeyRef: { name: 'NAME', key: 'url' } };
const signed = { signingKeys: [{ secretKeyRef: { name: 'NAME', key: 'secret' } }] };
const header = {
  headers: [{ name: 'X-Token', valueFrom: { secretKeyRef: { name: 'NAME', key: 'token' } } }],
};
const ca = { tls: { caFrom: { configMapKeyRef: { name: 'NAME', key: 'ca.crt' } } } };
const secretCa = { tls: { caFrom: { secretKeyRef: { name: 'NAME', key: 'ca.crt' } } } };
const client = { tls: { clientCertificateSecretRef: { name: 'NAME' } } };
const leaf = createAuthority().issue({});
const other = createAuthority().issue({});
const tlsType = { type: 'kubernetes.io/tls' };
const allowing = (hosts: string) => ({ metadata: { annotations: { 'flagpost.dev/allowed-hosts': hosts } } });

const waits: readonly Case[] = [
  { title: 'no Secret for the URL', reason: 'SecretNotFound', spec: url },
  { title: 'no Secret for the signing key', reason: 'SecretNotFound', spec: signed },
  { title: 'no Secret for the client certificate', reason: 'SecretNotFound', spec: client },
  { title: 'no such key for the URL', reason: 'SecretKeyNotFound', spec: url, data: { other: 'x' } },
  { title: 'no such key for the header', reason: 'SecretKeyNotFound', spec: header, data: { other: 'x' } },
  { title: 'no ConfigMap', reason: 'ConfigMapNotFound', spec: ca },
  {
    title: 'no such key in the ConfigMap',
    reason: 'ConfigMapKeyNotFound',
    spec: ca,
    configMap: { other: 'x' },
  },
  {
    title: 'another host allowed to sign',
    reason: 'SecretForbidden',
    spec: signed,
    data: { secret: 'sesame' },
    secret: allowing('other.shop.svc, *.receiver.shop.svc'),
  },
  {
    title: 'another host allowed as URL',
    reason: 'SecretForbidden',
    spec: url,
    data: { url: URL_OF_NOBODY },
    secret: allowing('other.shop.svc'),
  },
];

const stalls: readonly Case[] = [
  { title: 'an empty URL', reason: 'InvalidSecret', spec: url, data: { url: '' } },
  { title: 'no URL', reason: 'InvalidSecret', spec: url, data: { url: 'sesame' } },
  { title: 'a URL of another scheme', reason: 'InvalidSecret', spec: url, data: { url: 'ftp://sesame/' } },
  { title: 'a URL with CRLF', reason: 'InvalidSecret', spec: url, data: { url: `${URL_OF_NOBODY}\r\n` } },
  { title: 'a URL with a newline', reason: 'InvalidSecret', spec: url, data: { url: `${URL_OF_NOBODY}\n` } },
  { title: 'a URL with a BOM', reason: 'InvalidSecret', spec: url, data: { url: `\ufeff${URL_OF_NOBODY}` } },
  {
    title: 'a URL with user info',
    reason: 'InvalidSecret',
    spec: url,
    data: { url: 'http://me:sesame@receiver/' },
  },
  {
    title: 'a URL that is not UTF-8',
    reason: 'InvalidSecret',
    spec: url,
    data: { url: Buffer.from('http://receiver/\xff', 'latin1') },
  },
  { title: 'a URL of 1 MiB', reason: 'InvalidSecret', spec: url, data: { url: 'sesame'.repeat(170_000) } },
  { title: 'an empty signing key', reason: 'InvalidSecret', spec: signed, data: { secret: '' } },
  {
    title: 'a whsec_ of no base64',
    reason: 'InvalidSecret',
    spec: signed,
    data: { secret: 'whsec_sesame!' },
  },
  { title: 'an empty header value', reason: 'InvalidSecret', spec: header, data: { token: '' } },
  {
    title: 'a header value with a newline',
    reason: 'InvalidSecret',
    spec: header,
    data: { token: 'sesame\n' },
  },
  {
    title: 'a header value with CRLF in it',
    reason: 'InvalidSecret',
    spec: header,
    data: { token: 'a\r\nb: c' },
  },
  { title: 'a header value with a space', reason: 'InvalidSecret', spec: header, data: { token: ' sesame' } },
  {
    title: 'a header value in latin-1',
    reason: 'InvalidSecret',
    spec: header,
    data: { token: Buffer.from('sésame', 'latin1') },
  },
  { title: 'a CA that is none', reason: 'InvalidSecret', spec: ca, configMap: { 'ca.crt': 'sesame' } },
  {
    title: 'a CA that is cut',
    reason: 'InvalidSecret',
    spec: secretCa,
    data: { 'ca.crt': leaf.certificate.slice(0, 200) },
  },
  {
    title: 'a client certificate with the key of another',
    reason: 'InvalidSecret',
    spec: client,
    data: { 'tls.crt': leaf.certificate, 'tls.key': other.key },
    secret: tlsType,
  },
  {
    title: 'a Secret of a service account',
    reason: 'InvalidSecret',
    spec: signed,
    data: { secret: 'sesame' },
    secret: {
      type: 'kubernetes.io/service-account-token',
      metadata: { annotations: { 'kubernetes.io/service-account.name': 'default' } },
    },
  },
  {
    title: 'a bootstrap token',
    reason: 'InvalidSecret',
    spec: signed,
    data: { secret: 'sesame' },
    secret: { type: 'bootstrap.kubernetes.io/token' },
  },
  {
    title: 'a Helm release',
    reason: 'InvalidSecret',
    spec: header,
    data: { token: 'sesame' },
    secret: { type: 'helm.sh/release.v1' },
  },
  {
    title: 'a literal address that is refused',
    reason: 'URLForbidden',
    spec: { url: 'http://169.254.169.254/' },
  },
  {
    title: 'an address in hexadecimal in a Secret',
    reason: 'URLForbidden',
    spec: url,
    data: { url: 'http://0xa9.254.43518/' },
  },
  { title: 'a mapped address', reason: 'URLForbidden', spec: { url: 'http://[::ffff:169.254.169.254]/' } },
  {
    title: 'an address that is refused in a Secret',
    reason: 'URLForbidden',
    spec: url,
    data: { url: 'http://[fe80::1]/' },
  },
  {
    title: 'a URL that only our parser refuses',
    reason: 'InvalidURL',
    spec: { url: 'https://100％.example/' },
  },
];

const usable: readonly Case[] = [
  { title: 'a name in a cluster', reason: 'Ready', spec: {} },
  { title: 'an IDN', reason: 'Ready', spec: { url: 'https://bücher.example/' } },
  { title: 'an upper-case scheme', reason: 'Ready', spec: { url: 'HTTPS://receiver.shop.svc/' } },
  {
    title: 'a certificate among comments',
    reason: 'Ready',
    spec: ca,
    configMap: { 'ca.crt': `# one\n${leaf.certificate}# two\n${other.certificate}` },
  },
  {
    title: 'a client certificate',
    reason: 'Ready',
    spec: client,
    data: { 'tls.crt': leaf.certificate, 'tls.key': leaf.key },
    secret: tlsType,
  },
  {
    title: 'a Secret for the host',
    reason: 'Ready',
    spec: signed,
    data: { secret: 'x' },
    secret: allowing('*.SHOP.svc.'),
  },
  { title: 'a URL in a Secret', reason: 'Ready', spec: url, data: { url: URL_OF_NOBODY } },
];

let count = 0;

async function endpointOf({ spec, data, secret, configMap }: Case): Promise<string> {
  const name = `case-${(count += 1)}`;
  if (data) await tenant.createSecret(name, data, secret);
  if (configMap) await tenant.createConfigMap(name, configMap);
  const text = JSON.stringify({ url: URL_OF_NOBODY, ...spec }).replaceAll('NAME', name);
  await tenant.createEndpoint(name, JSON.parse(text) as Record<string, unknown>);
  return name;
}

const titled = (cases: readonly Case[]) => cases.map((item) => [item.reason, item.title, item] as const);

test.each(titled(waits))('%s for %s is Reconciling', async (reason, _, item) => {
  const name = await endpointOf(item);
  const { message } = await tenant.endpointReason(name, reason);
  expect(await conditionsOf(name)).toEqual([
    `Ready False ${reason}`,
    `SecretsResolved False ${reason}`,
    'Delivering Unknown NoDeliveries',
    `Reconciling True ${reason}`,
    `Stalled False ${reason}`,
  ]);
  expect(message).toMatch(/^[ -~]+$/);
  expect(message).not.toContain('sesame');
});

test.each(titled(stalls))('%s for %s is Stalled', async (reason, _, item) => {
  const name = await endpointOf(item);
  const { message } = await tenant.endpointReason(name, reason);
  expect(await conditionsOf(name)).toEqual([
    `Ready False ${reason}`,
    reason === 'InvalidSecret' ? `SecretsResolved False ${reason}` : 'SecretsResolved True Resolved',
    'Delivering Unknown NoDeliveries',
    `Reconciling False ${reason}`,
    `Stalled True ${reason}`,
  ]);
  expect(message).toMatch(/^[ -~]+$/);
  expect(message).not.toContain('sesame');
});

test.each(titled(usable))('%s for %s', async (reason, _, item) => {
  const name = await endpointOf(item);
  await tenant.endpointReason(name, reason);
  expect(await conditionsOf(name)).toEqual([
    'Ready True Ready',
    'SecretsResolved True Resolved',
    'Delivering Unknown NoDeliveries',
    'Reconciling False Ready',
    'Stalled False Ready',
  ]);
});

test('an endpoint shows its host, and never the path or the query of its URL', async () => {
  await tenant.createSecret('host', { url: 'http://[fd00::1]:8080/sesame?token=sesame' });
  await tenant.createEndpoint('host', { urlSecretKeyRef: { name: 'host', key: 'url' } });
  await tenant.endpointReason('host', 'Ready');
  const { status } = await tenant.endpoint('host');
  expect(status).toMatchObject({
    host: 'fd00::1',
    observedGeneration: 1,
    pendingDeliveries: 0,
    consecutiveFailures: 0,
  });
  expect(JSON.stringify(status)).not.toContain('sesame');
});

test('SecretsResolved says that a signing key ends in a newline, which is used as it is', async () => {
  await tenant.createSecret('newline', { secret: 'sesame\n' });
  await tenant.createEndpoint('newline', {
    url: URL_OF_NOBODY,
    signingKeys: [{ secretKeyRef: { name: 'newline', key: 'secret' } }],
  });
  await tenant.endpointReason('newline', 'Ready');
  const resolved = await tenant.endpointReason('newline', 'Resolved', 'SecretsResolved');
  expect(resolved).toMatchObject({ status: 'True', message: expect.stringContaining('newline') });
});

test('the status follows the spec and the Secret', async () => {
  await tenant.createEndpoint('follows', { url: 'http://127.1.1.1/', ...signedBy('follows') });
  await tenant.endpointReason('follows', 'SecretNotFound');
  await tenant.createSecret('follows', { other: 'x' });
  await tenant.endpointReason('follows', 'SecretKeyNotFound');
  await tenant.updateSecret('follows', { secret: 'x' });
  await tenant.endpointReason('follows', 'Ready');
  await tenant.patchEndpoint('follows', { spec: { url: 'http://169.254.1.1/' } });
  const forbidden = await tenant.endpointReason('follows', 'URLForbidden');
  expect(forbidden.observedGeneration).toBe(2);
  await tenant.patchEndpoint('follows', {
    spec: { url: receiver.origin, headers: [{ name: 'X-A', value: 'b' }] },
  });
  await tenant.endpointReason('follows', 'Ready');
  await tenant.delete('secret', 'follows');
  await tenant.endpointReason('follows', 'SecretNotFound');
});

const signedBy = (name: string) => ({ signingKeys: [{ secretKeyRef: { name, key: 'secret' } }] });

test('Delivering is Healthy with the first success, and stays so through failures, which are counted', async () => {
  await tenant.createEndpoint('healthy', { url: receiver.origin, retry: { initialDelaySeconds: 600 } });
  expect((await tenant.endpointReason('healthy', 'NoDeliveries', 'Delivering')).status).toBe('Unknown');
  await tenant.createEvent('first');
  expect((await tenant.endpointReason('healthy', 'Healthy', 'Delivering')).status).toBe('True');
  receiver.answerWith(() => 500);
  await tenant.createEvent('second');
  await tenant.deliveryReason('second', 'BadStatus', 'healthy');
  await tenant.endpointStatus('healthy', (status) => status.consecutiveFailures === 1);
  const { status } = await tenant.endpoint('healthy');
  expect(status).toMatchObject({
    pendingDeliveries: 1,
    consecutiveFailures: 1,
    lastSuccessTime: expect.any(String),
    lastFailureTime: expect.any(String),
    recentDeliveries: [
      { flagEvent: 'second', reason: 'BadStatus', statusCode: 500, attempt: 1 },
      { flagEvent: 'first', reason: 'Delivered', statusCode: 200, attempt: 1 },
    ],
  });
  expect(conditionOf(status?.conditions, 'Delivering')?.reason).toBe('Healthy');
  await tenant.delete('webhookendpoint', 'healthy');
});

describe('an operator that may not read Secrets and ConfigMaps', () => {
  let poor: Tenant;
  let limited: OperatorProcess;

  beforeAll(async () => {
    const { cluster } = tenant;
    poor = await aTenant(cluster);
    const resources = ['webhookendpoints', 'flagevents', 'webhookendpoints/status', 'flagevents/status'];
    await grant(poor, 'flagpost', { apiGroups: ['flagpost.dev'], resources, verbs: ['*'] });
    limited = await startOperatorProcess({
      kubeconfig: cluster.userKubeconfig('operator'),
      namespaces: [poor.namespace],
    });
  }, 60_000);

  afterAll(async () => {
    expect(await limited?.stop()).toBe(0);
  });

  test('says SecretForbidden and ConfigMapForbidden, and goes on within a minute once it may', async () => {
    await poor.createSecret('hook', { secret: 'sesame' });
    await poor.createConfigMap('ca', { 'ca.crt': createAuthority().certificate });
    await poor.createEndpoint('signed', { url: receiver.origin, ...signedBy('hook') });
    const tls = { caFrom: { configMapKeyRef: { name: 'ca', key: 'ca.crt' } } };
    await poor.createEndpoint('trusting', { url: 'https://receiver.shop.svc/', tls });
    await poor.endpointReason('signed', 'SecretForbidden');
    await poor.endpointReason('trusting', 'ConfigMapForbidden');
    await poor.endpointReason('signed', 'SecretForbidden', 'Reconciling');
    await poor.createEvent('waits');
    await poor.deliveryReason('waits', 'SecretNotReady', 'signed');

    const resources = ['secrets', 'configmaps'];
    await grant(poor, 'references', { apiGroups: [''], resources, verbs: ['get', 'list', 'watch'] });
    for (const name of ['signed', 'trusting']) {
      expect(await poor.endpointReason(name, 'Ready', 'Ready', 61_000)).toMatchObject({ status: 'True' });
    }
  }, 90_000);
});

async function grant({ cluster, namespace }: Tenant, name: string, rule: object): Promise<void> {
  const metadata = { name, namespace };
  const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata, rules: [rule] };
  const binding = {
    ...role,
    kind: 'RoleBinding',
    rules: undefined,
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'operator' }],
  };
  await cluster.apply(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [role, binding] }));
}
