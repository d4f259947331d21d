import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { prepareBody } from '../../src/delivery/body.ts';
import { createAuthority } from '../support/certificates.ts';
import { labelled, matching } from '../support/addressing.ts';
import { aFlagUpdated, aFlagWithState } from '../support/eventSpec.ts';
import { freePort } from '../support/freePort.ts';
import { nested } from '../support/nested.ts';
import { startOperatorFor, type OperatorProcess } from '../support/operatorProcess.ts';
import { startRawReceiver, type RawReceiver } from '../support/rawReceiver.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';
import { aTenant, conditionLines, type Tenant } from '../support/tenant.ts';

const MAX_BODY_BYTES = 512 * 1024;
const ONE_ATTEMPT = { giveUpAfterSeconds: 0 };
const SLOWLY = { initialDelaySeconds: 600 };

let tenant: Tenant;
let operator: OperatorProcess;
let receiver: Receiver;
let secureReceiver: Receiver;
let rawReceiver: RawReceiver;
let closedPort: number;

beforeAll(async () => {
  const cluster = await sharedControlPlane();
  tenant = await aTenant(cluster);
  const { certificate, key } = createAuthority().issue({ names: ['127.0.0.1'] });
  [receiver, secureReceiver, rawReceiver, closedPort] = await Promise.all([
    startReceiver({ answer: ({ path }) => answerAt(path) }),
    startReceiver({ tls: { cert: certificate, key } }),
    startRawReceiver({ onRequest: (socket) => socket.write('SSH-2.0-OpenSSH_9.9\r\n\r\n') }),
    freePort(),
  ]);
  operator = await startOperatorFor(tenant);
}, 120_000);

afterAll(async () => {
  await Promise.all([receiver?.close(), secureReceiver?.close(), rawReceiver?.close()]);
  expect(await operator?.stop()).toBe(0);
});

function answerAt(path: string) {
  if (path === '/redirect') return { status: 307, headers: { location: `${receiver.origin}/followed` } };
  if (path === '/hang' || path === '/reset') return path === '/hang' ? 'hang' : 'reset';
  return Number(path.slice(1)) || 200;
}

/** An endpoint that only the events with its label go to. */
function only(label: string, spec: object): Record<string, unknown> {
  return { retry: ONE_ATTEMPT, match: matching(label), ...spec };
}

test('each way in which an attempt ends has its reason, and one failure makes the event fail', async () => {
  const apiServerPort = new URL(tenant.cluster.server).port;
  const urls: Record<string, string> = {
    'address-forbidden': `http://localhost:${apiServerPort}/`,
    'bad-status': `${receiver.origin}/503`,
    'connection-refused': `http://127.0.0.1:${closedPort}/`,
    'connection-reset': `${receiver.origin}/reset`,
    delivered: `${receiver.origin}/204`,
    'dns-lookup-failed': 'http://nope.invalid/',
    'invalid-response': `http://127.0.0.1:${rawReceiver.port}/`,
    redirected: `${receiver.origin}/redirect`,
    timeout: `${receiver.origin}/hang`,
    'tls-failed': secureReceiver.origin,
  };
  for (const [name, url] of Object.entries(urls)) {
    const timeoutSeconds = name === 'timeout' ? 1 : 20;
    await tenant.createEndpoint(name, only('attempts', { url, timeoutSeconds }));
  }
  await tenant.createEvent('attempts', aFlagUpdated(), labelled('attempts'));
  const status = await tenant.eventReason('attempts', 'DeliveryFailed', 25_000);

  const duration = { lastDurationMilliseconds: expect.any(Number) };
  const failed = { state: 'Failed', attempts: 1, completionTime: expect.any(String) };
  expect(status.deliveries).toMatchObject([
    { ...failed, endpointName: 'address-forbidden', reason: 'AddressForbidden' },
    { ...failed, ...duration, endpointName: 'bad-status', reason: 'BadStatus', lastStatusCode: 503 },
    { ...failed, ...duration, endpointName: 'connection-refused', reason: 'ConnectionRefused' },
    { ...failed, ...duration, endpointName: 'connection-reset', reason: 'ConnectionReset' },
    { ...failed, ...duration, endpointName: 'delivered', state: 'Succeeded', reason: 'Delivered' },
    { ...failed, ...duration, endpointName: 'dns-lookup-failed', reason: 'DNSLookupFailed' },
    { ...failed, ...duration, endpointName: 'invalid-response', reason: 'InvalidResponse' },
    { ...failed, ...duration, endpointName: 'redirected', reason: 'Redirected', lastStatusCode: 307 },
    { ...failed, ...duration, endpointName: 'timeout', reason: 'Timeout' },
    { ...failed, ...duration, endpointName: 'tls-failed', reason: 'TLSFailed' },
  ]);
  expect(conditionLines(status.conditions)).toEqual([
    'Succeeded False DeliveryFailed',
    'Reconciling False DeliveryFailed',
    'Stalled True DeliveryFailed',
  ]);
  expect(status).toMatchObject({ delivered: '1/10', completionTime: expect.any(String) });
  const [forbidden] = status.deliveries ?? [];
  expect(forbidden?.lastDurationMilliseconds).toBeUndefined();
  for (const { message = '' } of status.deliveries ?? []) {
    expect(message).toMatch(/^[ -~]{10,256}$/);
    expect(message).not.toMatch(/127\.0\.0\.1|SSH|nope/);
  }
  expect(receiver.requests.map(({ path }) => path)).not.toContain('/followed');
  expect(secureReceiver.requests).toEqual([]);
});

test('an event waits where every delivery does, and ends Canceled once the endpoints are deleted', async () => {
  const key = { secretKeyRef: { name: 'missing', key: 'secret' } };
  await tenant.createEndpoint('no-secret', only('waiting', { url: receiver.origin, signingKeys: [key] }));
  await tenant.createEndpoint('no-url', only('waiting', { url: 'http://169.254.169.254/latest' }));
  await tenant.createEvent('waiting', aFlagUpdated(), labelled('waiting'));

  const waiting = await tenant.eventReason('waiting', 'Waiting');
  expect(waiting.deliveries).toMatchObject([
    { endpointName: 'no-secret', state: 'Pending', reason: 'SecretNotReady', attempts: 0 },
    { endpointName: 'no-url', state: 'Pending', reason: 'URLForbidden', attempts: 0 },
  ]);
  expect(conditionLines(waiting.conditions)).toEqual([
    'Succeeded Unknown Waiting',
    'Reconciling True Waiting',
    'Stalled False Waiting',
  ]);
  expect(waiting.delivered).toBe('0/2');
  expect(waiting.completionTime).toBeUndefined();

  await tenant.delete('webhookendpoint', 'no-secret');
  await tenant.delete('webhookendpoint', 'no-url');
  const canceled = await tenant.eventReason('waiting', 'Canceled');
  expect(canceled.deliveries).toMatchObject([
    { endpointName: 'no-secret', state: 'Canceled', reason: 'EndpointDeleted' },
    { endpointName: 'no-url', state: 'Canceled', reason: 'EndpointDeleted' },
  ]);
  expect(conditionLines(canceled.conditions)).toEqual([
    'Succeeded True Canceled',
    'Reconciling False Canceled',
    'Stalled False Canceled',
  ]);
  expect(canceled).toMatchObject({ delivered: '0/2', completionTime: expect.any(String) });
});

test('an event is Delivering while one is tried again, and AllDelivered where the rest was canceled', async () => {
  await tenant.createEndpoint('good', only('mixed', { url: receiver.origin }));
  await tenant.createEndpoint('bad', only('mixed', { url: `${receiver.origin}/500`, retry: SLOWLY }));
  await tenant.createEvent('mixed', aFlagUpdated(), labelled('mixed'));

  await tenant.deliveryReason('mixed', 'Delivered', 'good');
  await tenant.deliveryReason('mixed', 'BadStatus', 'bad');
  const delivering = await tenant.eventReason('mixed', 'Delivering');
  expect(delivering.deliveries).toMatchObject([
    { endpointName: 'bad', state: 'Pending', attempts: 1, nextAttemptTime: expect.any(String) },
    { endpointName: 'good', state: 'Succeeded', attempts: 1 },
  ]);
  expect(conditionLines(delivering.conditions)).toEqual([
    'Succeeded Unknown Delivering',
    'Reconciling True Delivering',
    'Stalled False Delivering',
  ]);
  expect(delivering.delivered).toBe('1/2');
  expect(delivering.completionTime).toBeUndefined();

  await tenant.delete('webhookendpoint', 'bad');
  const ended = await tenant.eventReason('mixed', 'AllDelivered');
  expect(ended.deliveries).toMatchObject([
    { state: 'Canceled', reason: 'EndpointDeleted', attempts: 1, lastStatusCode: 500 },
    { state: 'Succeeded', reason: 'Delivered' },
  ]);
  expect(ended.deliveries?.[0]?.nextAttemptTime).toBeUndefined();
  expect(conditionLines(ended.conditions)).toEqual([
    'Succeeded True AllDelivered',
    'Reconciling False AllDelivered',
    'Stalled False AllDelivered',
  ]);
  expect(ended).toMatchObject({ delivered: '1/2', completionTime: expect.any(String) });
});

describe('an event that ends before anything is sent', () => {
  beforeAll(async () => {
    await tenant.createEndpoint('checked', only('checked', { url: `${receiver.origin}/checked` }));
    await tenant.endpointReason('checked', 'Ready');
  });

  // The spec's own root is depth 2 of the body; the padding's letters are one byte each.
  const padded = (bytes: number) => {
    const empty = prepareBody({ spec: aFlagUpdated({ padding: '' }) });
    const length = 'body' in empty ? empty.body.length : 0;
    return aFlagUpdated({ padding: 'x'.repeat(bytes - length) });
  };
  const refused = [
    ['InvalidPayload', 'objects 65 deep', aFlagUpdated({ deep: nested(63) })],
    ['InvalidPayload', 'lists 65 deep', aFlagUpdated({ deep: nested(63, 'list') })],
    ['InvalidPayload', 'a number that is too large in a field that is not known', aFlagUpdated({ x: 1e300 })],
    ['InvalidPayload', 'an integer past 2^53-1', aFlagWithState({ x: [{ y: Number.MAX_SAFE_INTEGER + 1 }] })],
    ['InvalidPayload', 'an integer below -(2^53-1)', aFlagUpdated({ x: Number.MIN_SAFE_INTEGER - 1 })],
    ['PayloadTooLarge', 'a body of a byte over 512 KiB', padded(MAX_BODY_BYTES + 1)],
    ['PayloadTooLarge', 'a small body that is stored large', aFlagUpdated({ x: '<'.repeat(233_400) })],
    ['InvalidPayload', 'depth before size', aFlagUpdated({ x: nested(63), y: 'x'.repeat(600_000) })],
  ] as const;

  test.each(refused)('is %s for %s', async (reason, title, spec) => {
    const name = title
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, '-')
      .replace(/-$/, '');
    await tenant.createEvent(name, spec, labelled('checked'));
    const status = await tenant.eventReason(name, reason);
    expect(conditionLines(status.conditions)).toEqual([
      `Succeeded False ${reason}`,
      `Reconciling False ${reason}`,
      `Stalled True ${reason}`,
    ]);
    expect(status).toMatchObject({ delivered: '0/0', completionTime: expect.any(String) });
    expect(status.deliveries ?? []).toEqual([]);
    expect(receiver.requests.filter(({ path }) => path === '/checked')).toEqual([]);
  });

  test('is NoMatchingEndpoint, a success, where no endpoint wants it', async () => {
    await tenant.createEvent('nobody', aFlagUpdated(), labelled('nobody'));
    const status = await tenant.eventReason('nobody', 'NoMatchingEndpoint');
    expect(conditionLines(status.conditions)).toEqual([
      'Succeeded True NoMatchingEndpoint',
      'Reconciling False NoMatchingEndpoint',
      'Stalled False NoMatchingEndpoint',
    ]);
    expect(status).toMatchObject({ delivered: '0/0', completionTime: expect.any(String) });
  });

  test('is not one at the limits: 64 deep, 2^53-1, a body of 512 KiB', async () => {
    await tenant.createEndpoint('limits', only('limits', { url: `${receiver.origin}/limits` }));
    const edge = { deep: nested(62), least: Number.MIN_SAFE_INTEGER, e: 1.5e-300 };
    await tenant.createEvent('edge', aFlagUpdated(edge), labelled('limits'));
    await tenant.createEvent('large', padded(MAX_BODY_BYTES), labelled('limits'));
    await tenant.eventReason('edge', 'AllDelivered');
    await tenant.eventReason('large', 'AllDelivered');
    const bodies = receiver.requests.filter(({ path }) => path === '/limits').map(({ body }) => body);
    expect(Math.max(...bodies.map(({ length }) => length))).toBe(MAX_BODY_BYTES);
  });
});
