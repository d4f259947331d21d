import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Delivery } from '../../src/api/flagEvent.ts';
import { startOperatorFor, type OperatorProcess } from '../support/operatorProcess.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';
import { aTenant, type Tenant } from '../support/tenant.ts';
import { labelled, matching } from '../support/addressing.ts';
import { aFlagUpdated } from '../support/eventSpec.ts';

let tenant: Tenant;
let operator: OperatorProcess;
let receiver: Receiver;

beforeAll(async () => {
  const cluster = await sharedControlPlane();
  tenant = await aTenant(cluster);
  receiver = await startReceiver({ answer: () => 500 });
  operator = await startOperatorFor(tenant);
}, 120_000);

afterAll(async () => {
  await receiver?.close();
  expect(await operator?.stop()).toBe(0);
});

const requestsTo = (name: string) => receiver.requests.filter(({ path }) => path === `/${name}`);

/** An endpoint whose receiver always fails, and an event to it alone. */
async function failing({ createEndpoint, createEvent }: Tenant, name: string, retry: object): Promise<void> {
  const match = matching(name);
  await createEndpoint(name, { url: `${receiver.origin}/${name}`, match, retry });
  await createEvent(name, aFlagUpdated(), labelled(name));
}

/** Seconds from the end of the last attempt to the next one. */
function delayOf({
  nextAttemptTime = '',
  lastAttemptTime = '',
  lastDurationMilliseconds = 0,
}: Delivery): number {
  return (Date.parse(nextAttemptTime) - Date.parse(lastAttemptTime) - lastDurationMilliseconds) / 1000;
}

test.concurrent('the delay doubles up to the maximum, spread by 0.8 to 1.2, until maxAttempts', async () => {
  const names = Array.from({ length: 8 }, (_, index) => `backoff-${index}`);
  const retry = { initialDelaySeconds: 1, maxDelaySeconds: 3, maxAttempts: 4 };
  const match = matching('backoff');
  for (const name of names) {
    await tenant.createEndpoint(name, { url: `${receiver.origin}/${name}`, match, retry });
  }
  await tenant.createEvent('backoff', aFlagUpdated(), labelled('backoff'));

  const delays = new Map<number, Map<string, number>>();
  const status = await tenant.eventStatus(
    'backoff',
    ({ deliveries = [], completionTime }) => {
      for (const delivery of deliveries.filter(({ nextAttemptTime }) => nextAttemptTime !== undefined)) {
        const seen = delays.get(delivery.attempts ?? 0) ?? new Map<string, number>();
        delays.set(delivery.attempts ?? 0, seen.set(delivery.endpointName, delayOf(delivery)));
      }
      return completionTime !== undefined;
    },
    25_000,
  );

  for (const delivery of status.deliveries ?? []) {
    expect(delivery).toMatchObject({
      state: 'Failed',
      reason: 'BadStatus',
      attempts: 4,
      lastStatusCode: 500,
    });
    expect(delivery.nextAttemptTime).toBeUndefined();
  }
  // A tenth for the clock between the end of an attempt and the decision.
  const bounds = [1, 2, 3].map((seconds) => [seconds * 0.8 - 0.1, seconds * 1.2 + 0.1] as const);
  for (const [index, [least, most]] of bounds.entries()) {
    const seen = [...(delays.get(index + 1)?.values() ?? [])];
    expect(seen).toHaveLength(names.length);
    expect(Math.min(...seen)).toBeGreaterThanOrEqual(least);
    expect(Math.max(...seen)).toBeLessThanOrEqual(most);
    expect(new Set(seen).size).toBeGreaterThan(1);
  }
  for (const name of names) {
    const times = requestsTo(name).map(({ at }) => at);
    expect(times).toHaveLength(4);
    for (const [index, [least]] of bounds.entries()) {
      expect(((times[index + 1] ?? 0) - (times[index] ?? 0)) / 1000).toBeGreaterThanOrEqual(least);
    }
  }
});

test.concurrent('a delivery ends where the next attempt would fall after the window', async () => {
  await failing(tenant, 'window', { initialDelaySeconds: 1, giveUpAfterSeconds: 3 });
  const { deliveries = [], completionTime = '' } = await tenant.eventReason('window', 'DeliveryFailed');
  const first = Date.parse(deliveries[0]?.firstAttemptTime ?? '');
  expect(deliveries).toMatchObject([{ state: 'Failed', reason: 'BadStatus' }]);
  // After the first one 0.8 to 1.2 s, after the second one 1.6 to 2.4 s, after the third one more than is left.
  expect([2, 3]).toContain(deliveries[0]?.attempts);
  expect(requestsTo('window')).toHaveLength(deliveries[0]?.attempts ?? 0);
  expect(Date.parse(completionTime)).toBeGreaterThanOrEqual(first + 800);
});

test.concurrent('a window of 0 allows one attempt', async () => {
  await failing(tenant, 'once', { initialDelaySeconds: 1, giveUpAfterSeconds: 0 });
  const { deliveries } = await tenant.eventReason('once', 'DeliveryFailed');
  expect(deliveries).toMatchObject([{ state: 'Failed', attempts: 1 }]);
  expect(requestsTo('once')).toHaveLength(1);
});

test.concurrent('a retry policy that changes in the middle decides on what comes after', async () => {
  await failing(tenant, 'changed', { initialDelaySeconds: 1 });
  await tenant.deliveryReason('changed', 'BadStatus');
  await tenant.patchEndpoint('changed', { spec: { retry: { maxAttempts: 2 } } });
  const { deliveries } = await tenant.eventReason('changed', 'DeliveryFailed');
  expect(deliveries).toMatchObject([{ state: 'Failed', attempts: 2 }]);
  expect(requestsTo('changed')).toHaveLength(2);
});

test.concurrent('an attempt is made again until the receiver takes it', async () => {
  const late = await startReceiver({ answer: (_, index) => (index < 2 ? 503 : 200) });
  const match = matching('late');
  const retry = { initialDelaySeconds: 1, maxDelaySeconds: 1 };
  await tenant.createEndpoint('late', { url: late.origin, match, retry });
  await tenant.createEvent('late', aFlagUpdated(), labelled('late'));
  const { deliveries } = await tenant.eventReason('late', 'AllDelivered');
  expect(deliveries).toMatchObject([
    { state: 'Succeeded', reason: 'Delivered', attempts: 3, lastStatusCode: 200 },
  ]);
  await late.close();
});

describe('an operator that is killed', () => {
  let restarted: Tenant;
  let current: OperatorProcess;
  const start = async () => {
    const { cluster, namespace } = restarted;
    current = await startOperatorFor({ cluster, namespace });
  };

  beforeAll(async () => {
    restarted = await aTenant(tenant.cluster);
    await start();
  }, 120_000);

  afterAll(async () => {
    expect(await current?.stop()).toBe(0);
  });

  test('goes on where it was: attempts, window and due times are in the status', async () => {
    await failing(restarted, 'killed', { initialDelaySeconds: 4, maxAttempts: 3, maxDelaySeconds: 4 });
    const before = await restarted.deliveryReason('killed', 'BadStatus');
    expect(before.attempts).toBe(1);
    current.kill('SIGKILL');
    expect(await current.exited).toBe('SIGKILL');
    await start();

    const { deliveries } = await restarted.eventReason('killed', 'DeliveryFailed', 30_000);
    expect(deliveries).toMatchObject([
      {
        state: 'Failed',
        attempts: 3,
        firstAttemptTime: before.firstAttemptTime,
        deliveryID: before.deliveryID,
        startTime: before.startTime,
      },
    ]);
    const requests = requestsTo('killed');
    expect(requests).toHaveLength(3);
    expect(new Set(requests.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(requests[1]?.at).toBeGreaterThanOrEqual(Date.parse(before.nextAttemptTime ?? ''));
  }, 60_000);

  test('sends again what it had not recorded, and never what it had', async () => {
    let release = () => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    const slow = await startReceiver({ answer: async () => (await released, 200) });
    const match = matching('slow');
    await restarted.createEndpoint('slow', { url: slow.origin, match, timeoutSeconds: 30 });
    await restarted.createEvent('slow', aFlagUpdated(), labelled('slow'));
    // It was begun, so it is taken up within a second, and nothing has been delivered yet.
    await restarted.eventReason('slow', 'Delivering');
    current.kill('SIGKILL');
    await current.exited;
    release();
    await start();
    const { deliveries } = await restarted.eventReason('slow', 'AllDelivered');
    expect(deliveries).toMatchObject([{ state: 'Succeeded', attempts: 1 }]);
    expect(slow.requests).toHaveLength(2);
    expect(new Set(slow.requests.map(({ headers }) => headers['webhook-id'])).size).toBe(1);

    current.kill('SIGKILL');
    await current.exited;
    await start();
    await restarted.createEvent('after', aFlagUpdated(), labelled('slow'));
    await restarted.eventReason('after', 'AllDelivered');
    expect(slow.requests).toHaveLength(3);
    await slow.close();
  }, 60_000);
});
