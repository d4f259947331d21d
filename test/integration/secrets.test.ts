import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createHmac } from 'node:crypto';
import { labelled, matching } from '../support/addressing.ts';
import { aFlagUpdated } from '../support/eventSpec.ts';
import { startOperatorFor, type OperatorProcess } from '../support/operatorProcess.ts';
import { startReceiver, type ReceivedRequest, type Receiver } from '../support/receiver.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';
import { aTenant, type Tenant } from '../support/tenant.ts';

let tenant: Tenant;
let operator: OperatorProcess;
let receiver: Receiver;

beforeAll(async () => {
  tenant = await aTenant(await sharedControlPlane());
  receiver = await startReceiver();
  operator = await startOperatorFor(tenant);
}, 120_000);

afterAll(async () => {
  await receiver?.close();
  expect(await operator?.stop()).toBe(0);
  expect(operator?.output()).not.toContain('sesame');
});

const keysIn = (name: string) => [{ secretKeyRef: { name, key: 'secret' } }];
const send = (name: string, endpoint: string) => tenant.createEvent(name, aFlagUpdated(), labelled(endpoint));
const requestsTo = (name: string) => receiver.requests.filter(({ path }) => path === `/${name}`);

function isSignedWith(key: string, request: ReceivedRequest | undefined): boolean {
  const { body = Buffer.alloc(0), headers = {} } = request ?? {};
  return headers['x-flagsmith-signature'] === createHmac('sha256', key).update(body).digest('hex');
}

async function signedEndpoint(name: string, secret: string, more: object = {}): Promise<void> {
  const url = `${receiver.origin}/${name}`;
  await tenant.createEndpoint(name, { url, match: matching(name), signingKeys: keysIn(secret), ...more });
}

test('what waits for a Secret is delivered once it is created', async () => {
  await signedEndpoint('later', 'later');
  await send('later-1', 'later');
  await send('later-2', 'later');
  const waiting = await tenant.deliveryReason('later-1', 'SecretNotReady');
  expect(waiting).toMatchObject({ state: 'Pending', attempts: 0 });
  await tenant.deliveryReason('later-2', 'SecretNotReady');
  await tenant.endpointStatus('later', ({ pendingDeliveries }) => pendingDeliveries === 2);

  await tenant.createSecret('later', { secret: 'sesame' });
  for (const name of ['later-1', 'later-2']) {
    const { deliveries } = await tenant.eventReason(name, 'AllDelivered');
    expect(deliveries).toMatchObject([{ state: 'Succeeded', attempts: 1 }]);
  }
  expect(requestsTo('later').map((request) => isSignedWith('sesame', request))).toEqual([true, true]);
});

test('the next attempt uses a key that was rotated meanwhile', async () => {
  await tenant.createSecret('rotated', { secret: 'sesame 1' });
  let answer = 500;
  receiver.answerWith(({ path }) => (path === '/rotated' ? answer : 200));
  await signedEndpoint('rotated', 'rotated', { retry: { initialDelaySeconds: 2, maxDelaySeconds: 2 } });
  await send('rotated', 'rotated');
  await tenant.deliveryReason('rotated', 'BadStatus');
  await tenant.updateSecret('rotated', { secret: 'sesame 2' });
  answer = 200;
  const { deliveries } = await tenant.eventReason('rotated', 'AllDelivered');
  const requests = requestsTo('rotated');
  expect(deliveries).toMatchObject([{ attempts: 2 }]);
  expect(isSignedWith('sesame 1', requests[0])).toBe(true);
  expect(isSignedWith('sesame 2', requests[1])).toBe(true);
  expect(requests[1]?.headers['webhook-id']).toBe(requests[0]?.headers['webhook-id']);
});

test('a Secret that is deleted and created again is used anew', async () => {
  await tenant.createSecret('again', { secret: 'sesame 1' });
  await signedEndpoint('again', 'again');
  await send('again-1', 'again');
  await tenant.eventReason('again-1', 'AllDelivered');
  await tenant.delete('secret', 'again');
  await tenant.endpointReason('again', 'SecretNotFound');
  await send('again-2', 'again');
  await tenant.eventReason('again-2', 'Waiting');
  await tenant.createSecret('again', { secret: 'sesame 2' });
  await tenant.eventReason('again-2', 'AllDelivered');
  expect(isSignedWith('sesame 1', requestsTo('again')[0])).toBe(true);
  expect(isSignedWith('sesame 2', requestsTo('again')[1])).toBe(true);
});

test('endpoints share a Secret, and one that goes leaves it to the other', async () => {
  await signedEndpoint('sharing', 'shared');
  await signedEndpoint('leaving', 'shared');
  await tenant.endpointReason('sharing', 'SecretNotFound');
  await tenant.endpointReason('leaving', 'SecretNotFound');
  await tenant.createSecret('shared', { secret: 'sesame 1' });
  await tenant.endpointReason('sharing', 'Ready');
  await tenant.endpointReason('leaving', 'Ready');
  await send('leaving', 'leaving');
  await tenant.eventReason('leaving', 'AllDelivered');
  await tenant.delete('webhookendpoint', 'leaving');

  await tenant.updateSecret('shared', { secret: 'sesame 2', other: 'x' });
  await tenant.delete('secret', 'shared');
  await tenant.endpointReason('sharing', 'SecretNotFound');
  await tenant.createSecret('shared', { secret: 'sesame 3' });
  await tenant.endpointReason('sharing', 'Ready');
  await send('sharing', 'sharing');
  await tenant.eventReason('sharing', 'AllDelivered');
  expect(isSignedWith('sesame 3', requestsTo('sharing')[0])).toBe(true);
});

test('a URL and a header come out of a Secret, and follow it', async () => {
  const dataOf = (path: string) => ({
    url: `${receiver.origin}/${path}?sesame`,
    token: `Bearer sesame ${path}`,
  });
  await tenant.createSecret('hook', dataOf('old'));
  await tenant.createEndpoint('hook', {
    urlSecretKeyRef: { name: 'hook', key: 'url' },
    match: matching('hook'),
    headers: [{ name: 'Authorization', valueFrom: { secretKeyRef: { name: 'hook', key: 'token' } } }],
  });
  await send('hook-1', 'hook');
  await tenant.eventReason('hook-1', 'AllDelivered');
  await tenant.updateSecret('hook', dataOf('new'));
  // Whether the operator has seen it shows in what it sends; it may still send to the old URL until then.
  let sent = 1;
  const arrived = () => receiver.requests.find(({ path }) => path === '/new?sesame');
  while (!arrived() && sent < 20) {
    sent += 1;
    await send(`hook-${sent}`, 'hook');
    await tenant.eventReason(`hook-${sent}`, 'AllDelivered');
  }
  expect(arrived()?.headers['authorization']).toBe('Bearer sesame new');
  expect(JSON.stringify((await tenant.endpoint('hook')).status)).not.toContain('sesame');
  expect(JSON.stringify((await tenant.event('hook-1')).status)).not.toContain('sesame');
});
