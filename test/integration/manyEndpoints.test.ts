import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startOperatorFor, type OperatorProcess } from '../support/operatorProcess.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';
import { aTenant, conditionOf, type Tenant } from '../support/tenant.ts';

const MOST = 1000;
const AT_ONCE = 16;

let tenant: Tenant;
let operator: OperatorProcess;
let receiver: Receiver;

beforeAll(async () => {
  tenant = await aTenant(await sharedControlPlane());
  receiver = await startReceiver();
  const names = Array.from({ length: MOST + 1 }, (_, index) => `endpoint-${index}`).values();
  const createSome = async () => {
    // All share one iterator.
    for (const name of names) await tenant.createEndpoint(name, { url: receiver.origin });
  };
  await Promise.all(Array.from({ length: AT_ONCE }, createSome));
  operator = await startOperatorFor(tenant);
}, 180_000);

afterAll(async () => {
  await receiver?.close();
  expect(await operator?.stop()).toBe(0);
});

test('an event that 1,001 endpoints match ends with TooManyEndpoints, and nothing is sent', async () => {
  await tenant.createEvent('too-many');
  const status = await tenant.eventReason('too-many', 'TooManyEndpoints');
  expect(status).toMatchObject({ delivered: '0/0', completionTime: expect.any(String) });
  expect(status.deliveries ?? []).toEqual([]);
  expect(conditionOf(status.conditions, 'Succeeded')?.status).toBe('False');
  expect(conditionOf(status.conditions, 'Reconciling')).toMatchObject({
    status: 'False',
    reason: 'TooManyEndpoints',
  });
  expect(conditionOf(status.conditions, 'Stalled')).toMatchObject({
    status: 'True',
    reason: 'TooManyEndpoints',
  });
  expect(receiver.requests).toEqual([]);
  expect(await tenant.notice('too-many', 'TooManyEndpoints')).toMatchObject({ type: 'Warning' });
});

test('an event that 1,000 endpoints match goes to all of them', async () => {
  await tenant.delete('webhookendpoint', 'endpoint-0');
  await tenant.createEvent('many');
  const { delivered, deliveries = [] } = await tenant.eventReason('many', 'AllDelivered', 60_000);
  expect(delivered).toBe(`${MOST}/${MOST}`);
  expect(receiver.requests).toHaveLength(MOST);
  expect(new Set(receiver.requests.map(({ headers }) => headers['webhook-id'])).size).toBe(MOST);
  const names = deliveries.map(({ endpointName }) => endpointName);
  expect(names).toEqual(names.toSorted());
}, 90_000);
