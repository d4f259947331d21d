import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createHmac } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { canonicalJson } from '../../src/delivery/canonicalJson.ts';
import { labelled, matching } from '../support/addressing.ts';
import { aFlagUpdated, anAuditLog } from '../support/eventSpec.ts';
import { startOperatorFor, type OperatorProcess } from '../support/operatorProcess.ts';
import { OK, startRawReceiver, type RawReceiver } from '../support/rawReceiver.ts';
import { startReceiver, type ReceivedRequest, type Receiver } from '../support/receiver.ts';
import { seedAuditLog, seedFlagUpdated } from '../support/seedPayloads.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';
import { aTenant, type Tenant } from '../support/tenant.ts';
import { waitUntil } from '../support/waitUntil.ts';

const EVENTS = '/apis/flagpost.dev/v1alpha1/namespaces';

let tenant: Tenant;
let operator: OperatorProcess;
let receiver: Receiver;
let raw: RawReceiver;

beforeAll(async () => {
  const cluster = await sharedControlPlane();
  tenant = await aTenant(cluster);
  receiver = await startReceiver();
  raw = await startRawReceiver();
  operator = await startOperatorFor(tenant, {
    args: ['--allow-cidr=127.0.0.0/8', '--allow-cidr=::1/128'],
    env: { HTTP_PROXY: 'http://127.0.0.1:9', http_proxy: 'http://127.0.0.1:9', NODE_USE_ENV_PROXY: '1' },
  });
}, 120_000);

afterAll(async () => {
  await Promise.all([receiver?.close(), raw?.close()]);
  expect(await operator?.stop()).toBe(0);
});

/** Sends one event to one endpoint that nothing else goes to, and gives what arrived for it. */
async function deliver(
  name: string,
  endpoint: object,
  event: unknown = aFlagUpdated(),
): Promise<ReceivedRequest> {
  const match = matching(name);
  const spec = { url: `${receiver.origin}/${name}`, eventTypes: ['FLAG_UPDATED', 'AUDIT_LOG'], match };
  await tenant.createEndpoint(name, { ...spec, ...endpoint });
  await tenant.createEvent(name, event, labelled(name));
  await tenant.eventReason(name, 'AllDelivered');
  const request = receiver.requests.find(({ path }) => path.startsWith(`/${name}`));
  if (!request) throw new Error(`nothing arrived for ${name}`);
  return request;
}

const keyOf = (name: string, key: string) => ({ secretKeyRef: { name, key } });
const hmacOf = (key: string, body: Buffer) => createHmac('sha256', key).update(body).digest('hex');

test('a request has these bytes, header by header', async () => {
  const key = `whsec_${Buffer.from('standard key').toString('base64')}`;
  await tenant.createSecret('raw', { secret: key, old: 'old key', token: 'Bearer a b' });
  await tenant.createEndpoint('raw', {
    url: `HTTP://127.0.0.1:${raw.port}/hooks/flags?a=1&b=%20x`,
    match: matching('raw'),
    signingKeys: [keyOf('raw', 'secret'), keyOf('raw', 'old')],
    headers: [
      { name: 'X-Team', value: 'shop; "quoted"' },
      { name: 'Authorization', valueFrom: keyOf('raw', 'token') },
    ],
  });
  await tenant.createEvent('raw', aFlagUpdated(), labelled('raw'));
  const status = await tenant.eventReason('raw', 'AllDelivered');

  const body = Buffer.from(canonicalJson({ data: seedFlagUpdated, event_type: 'FLAG_UPDATED' }));
  const [request = ''] = raw.requests;
  const [head = '', sentBody] = request.split('\r\n\r\n');
  const timestamp = /webhook-timestamp: (\d{10})\r\n/.exec(request)?.[1];
  const id = status.deliveries?.[0]?.deliveryID ?? '';
  const signature = (secret: string) =>
    createHmac('sha256', secret).update(`${id}.${timestamp}.`).update(body).digest('base64');
  const [start, ...headers] = head.split('\r\n');
  expect(start).toBe('POST /hooks/flags?a=1&b=%20x HTTP/1.1');
  expect(headers.filter((line) => !/^(host|connection|content-length):/i.test(line))).toEqual([
    'Content-Type: application/json',
    expect.stringMatching(/^User-Agent: Flagpost\/\d+\.\d+\.\d+$/),
    `X-Flagsmith-Signature: ${hmacOf(key, body)}`,
    `webhook-id: ${id}`,
    `webhook-timestamp: ${timestamp}`,
    `webhook-signature: v1,${signature('standard key')} v1,${signature('old key')}`,
    'X-Team: shop; "quoted"',
    'Authorization: Bearer a b',
  ]);
  expect(headers).toContainEqual(expect.stringMatching(new RegExp(`^host: 127.0.0.1:${raw.port}$`, 'i')));
  expect(headers).toContainEqual(expect.stringMatching(new RegExp(`^content-length: ${body.length}$`, 'i')));
  expect(sentBody).toBe(body.toString('latin1'));
  expect(Math.abs(Number(timestamp) * 1000 - Date.now())).toBeLessThan(60_000);
});

test('a receiver verifies a request with the library of Standard Webhooks', async () => {
  const secret = `whsec_${Buffer.from('the key of a receiver').toString('base64')}`;
  await tenant.createSecret('verified', { secret });
  const { body, headers } = await deliver('verified', { signingKeys: [keyOf('verified', 'secret')] });
  const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signature } = headers;
  const sent = {
    'webhook-id': String(id),
    'webhook-timestamp': String(at),
    'webhook-signature': String(signature),
  };
  expect(new Webhook(secret).verify(body, sent)).toMatchObject({ event_type: 'FLAG_UPDATED' });
});

test('without a signing key there is no signature, and an audit record is sent as it is', async () => {
  const { headers, body } = await deliver('plain', {}, anAuditLog());
  expect(Object.keys(headers).filter((name) => /signature/.test(name))).toEqual([]);
  expect(headers['webhook-id']).toMatch(/^msg_/);
  expect(body.equals(canonicalJson(seedAuditLog))).toBe(true);
});

test('an optional key signs while it is there, and is left out once it is gone', async () => {
  await tenant.createSecret('optional', { secret: 'current' });
  const signingKeys = [
    keyOf('optional', 'secret'),
    { secretKeyRef: { name: 'optional', key: 'gone', optional: true } },
    { secretKeyRef: { name: 'optional-old', key: 'secret', optional: true } },
  ];
  const first = await deliver('optional', { signingKeys });
  expect(String(first.headers['webhook-signature']).split(' ')).toHaveLength(1);
  expect(first.headers['x-flagsmith-signature']).toBe(hmacOf('current', first.body));

  await tenant.createSecret('optional-old', { secret: 'old' });
  const second = await deliver('optional-too', { signingKeys });
  expect(String(second.headers['webhook-signature']).split(' ')).toHaveLength(2);
});

test('a key that ends in a newline is used as it is stored', async () => {
  await tenant.createSecret('newline', { secret: 'a key\n' });
  const { headers, body } = await deliver('newline', { signingKeys: [keyOf('newline', 'secret')] });
  expect(headers['x-flagsmith-signature']).toBe(hmacOf('a key\n', body));
});

test('names, nulls and absent fields of a payload arrive as they were stored', async () => {
  // As JSON.parse does it, `__proto__` is a property of the object itself.
  const unknown = JSON.parse(
    '{"__proto__":{"admin":true},"constructor":{"prototype":null},"toString":"x","nothing":null,' +
      String.raw`"\ue000":1,"\ud83d\ude00":2,"":[],"9":9,"10":10,"html":"<b>&\u2028</b>","fraction":0.1}`,
  ) as unknown;
  const { body } = await deliver('awkward', {}, aFlagUpdated({ unknown, previous_state: null }));
  const text = body.toString('utf8');
  expect(text).toContain('"__proto__":{"admin":true}');
  expect(text).toContain('"constructor":{"prototype":null}');
  expect(text).toContain('"previous_state":null');
  const data = { ...seedFlagUpdated, unknown, previous_state: null };
  expect(body.equals(canonicalJson({ data, event_type: 'FLAG_UPDATED' }))).toBe(true);

  const absent = await deliver('absent', {}, aFlagUpdated({ previous_state: undefined }));
  expect(absent.body.toString('utf8')).not.toContain('previous_state');
});

test('10,000 unknown fields arrive', async () => {
  const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`field_${index}`, index]));
  const { body } = await deliver('many', {}, aFlagUpdated(many));
  const sent = JSON.parse(body.toString('utf8')) as { data: Record<string, unknown> };
  expect(sent.data).toMatchObject({ field_0: 0, field_9999: 9999, changed_by: seedFlagUpdated.changed_by });
});

test('5,000 levels end an event with InvalidPayload, and the operator goes on', async () => {
  const deep = `${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`;
  await createEventFrom('deep', JSON.stringify(aFlagUpdated({ deep: 'DEEP' })).replace('"DEEP"', deep));
  await waitUntil('the event to end', async () => {
    const output = ['-o', 'jsonpath={.status.conditions[0].reason}'];
    const { stdout } = await tenant.cluster.kubectl([
      'get',
      'fev',
      'deep',
      '-n',
      tenant.namespace,
      ...output,
    ]);
    return stdout === 'InvalidPayload';
  });
  await deliver('after-deep', {});
});

test('a lone surrogate arrives as what the API server stored', async () => {
  const match = matching('lone');
  await tenant.createEndpoint('lone', { url: `${receiver.origin}/lone`, match });
  await createEventFrom('lone', JSON.stringify(aFlagUpdated({ lone: 'a\ud800b', key: { 'c\udfff': 1 } })));
  await tenant.eventReason('lone', 'AllDelivered');
  const { spec } = await tenant.event('lone');
  const body = receiver.requests.find(({ path }) => path === '/lone')?.body;
  expect(body?.equals(canonicalJson({ data: spec.flagUpdated, event_type: 'FLAG_UPDATED' }))).toBe(true);
});

/** Creates an event whose spec is given as it is to go over the wire. */
async function createEventFrom(name: string, spec: string): Promise<void> {
  const metadata = { name, labels: { to: name } };
  const event = { apiVersion: 'flagpost.dev/v1alpha1', kind: 'FlagEvent', metadata, spec: 'SPEC' };
  const text = JSON.stringify(event).replace('"SPEC"', () => spec);
  const { stderr, status } = await tenant.cluster.kubectl(
    ['create', '--raw', `${EVENTS}/${tenant.namespace}/flagevents`, '-f', '-'],
    text,
  );
  if (status !== 0) throw new Error(stderr);
}

test('a URL with an IPv6 literal is dialled, and its host is shown without brackets', async () => {
  const local = await startReceiver({ host: '::1' }).catch(() => undefined);
  if (!local) return console.warn('skipped: this machine has no IPv6 loopback');
  try {
    await tenant.createEndpoint('six', {
      url: `${local.origin}/six`,
      match: matching('six'),
    });
    await tenant.createEvent('six', aFlagUpdated(), labelled('six'));
    await tenant.eventReason('six', 'AllDelivered');
    expect(local.requests[0]?.headers.host).toBe(`[::1]:${local.port}`);
    expect((await tenant.endpoint('six')).status?.host).toBe('::1');
  } finally {
    await local.close();
  }
});

test('port 0 is a failed attempt and the operator goes on', async () => {
  await tenant.createEndpoint('zero', {
    url: 'http://127.0.0.1:0/',
    retry: { giveUpAfterSeconds: 0 },
    match: matching('zero'),
  });
  await tenant.createEvent('zero', aFlagUpdated(), labelled('zero'));
  const delivery = await tenant.deliveryReason('zero', 'ConnectionRefused');
  expect(delivery).toMatchObject({ state: 'Failed', attempts: 1 });
});

test('the status decides once the header is there: a body that never ends changes nothing', async () => {
  const dripping = await startRawReceiver({
    onRequest: (socket) => socket.write(OK.replace('content-length: 2', 'content-length: 1000000')),
  });
  try {
    await tenant.createEndpoint('drip', {
      url: `http://127.0.0.1:${dripping.port}/`,
      timeoutSeconds: 1,
      match: matching('drip'),
    });
    await tenant.createEvent('drip', aFlagUpdated(), labelled('drip'));
    const { deliveries } = await tenant.eventReason('drip', 'AllDelivered');
    expect(deliveries).toMatchObject([{ attempts: 1, lastStatusCode: 200 }]);
  } finally {
    await dripping.close();
  }
});

test('every attempt has the same bytes and the same webhook-id, and a timestamp of its own', async () => {
  const before = receiver.requests.length;
  let failures = 0;
  receiver.answerWith(({ path }) => (path === '/again' && ++failures < 3 ? 503 : 200));
  await tenant.createSecret('again', { secret: 'k' });
  await deliver('again', {
    signingKeys: [keyOf('again', 'secret')],
    retry: { initialDelaySeconds: 1, maxDelaySeconds: 1 },
  });
  const attempts = receiver.requests.slice(before).filter(({ path }) => path === '/again');
  expect(attempts).toHaveLength(3);
  const distinct = (read: (request: ReceivedRequest) => unknown) => new Set(attempts.map(read)).size;
  expect(distinct(({ body }) => body.toString('hex'))).toBe(1);
  expect(distinct(({ headers }) => headers['webhook-id'])).toBe(1);
  expect(distinct(({ headers }) => headers['x-flagsmith-signature'])).toBe(1);
  expect(distinct(({ headers }) => headers['webhook-timestamp'])).toBeGreaterThan(1);
  for (const { headers, at } of attempts) {
    const late = at / 1000 - Number(headers['webhook-timestamp']);
    expect(late).toBeGreaterThanOrEqual(0);
    expect(late).toBeLessThan(10);
  }
});
