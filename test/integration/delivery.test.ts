import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createHmac } from 'node:crypto';
import { startOperatorFor, type OperatorProcess } from '../support/operatorProcess.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { seedFlagUpdatedBody } from '../support/seedPayloads.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';
import { aTenant, conditionOf, type Tenant } from '../support/tenant.ts';

let tenant: Tenant;
let operator: OperatorProcess;
let receiver: Receiver;

beforeAll(async () => {
  tenant = await aTenant(await sharedControlPlane());
  receiver = await startReceiver();
  operator = await startOperatorFor(tenant);
}, 120_000);

afterAll(async () => {
  expect(await operator?.stop()).toBe(0);
  await receiver?.close();
});

test('an event goes to the endpoint that matches it, signed, and its status says so', async () => {
  await tenant.createSecret('hook', { secret: 'my shared secret' });
  await tenant.createEndpoint('flags', {
    url: `${receiver.origin}/hooks/flags`,
    signingKeys: [{ secretKeyRef: { name: 'hook', key: 'secret' } }],
  });
  await tenant.createEndpoint('audit', { url: `${receiver.origin}/hooks/audit`, eventTypes: ['AUDIT_LOG'] });
  await tenant.endpointReason('flags', 'Ready');

  await tenant.createEvent('butter-bar');
  const status = await tenant.eventReason('butter-bar', 'AllDelivered');

  expect(status).toMatchObject({
    observedGeneration: 1,
    delivered: '1/1',
    completionTime: expect.any(String),
  });
  expect(status.deliveries).toMatchObject([
    { endpointName: 'flags', state: 'Succeeded', reason: 'Delivered', attempts: 1, lastStatusCode: 200 },
  ]);
  const [request] = receiver.requests;
  expect(receiver.requests).toHaveLength(1);
  expect(JSON.parse(String(request?.body))).toEqual(seedFlagUpdatedBody);
  const hmac = createHmac('sha256', 'my shared secret')
    .update(request?.body ?? '')
    .digest('hex');
  expect(request?.headers).toMatchObject({
    'x-flagsmith-signature': hmac,
    'webhook-id': status.deliveries?.[0]?.deliveryID,
    'content-type': 'application/json',
  });
  expect(conditionOf((await tenant.endpoint('flags')).status?.conditions, 'Delivering')?.reason).toBe(
    'Healthy',
  );
});
