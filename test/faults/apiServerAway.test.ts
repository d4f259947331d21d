import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startControlPlane, type ControlPlane } from '../support/controlPlane.ts';
import { installCrds } from '../support/installCrds.ts';
import { restFor } from '../support/nothingFor.ts';
import { onlyFor } from '../support/onlyFor.ts';
import { startProxiedOperator, type ProxiedOperator } from '../support/proxiedOperator.ts';
import { waitUntil } from '../support/waitUntil.ts';

let controlPlane: ControlPlane;
let operator: ProxiedOperator;

beforeAll(async () => {
  controlPlane = await startControlPlane();
  await installCrds(controlPlane);
  operator = await startProxiedOperator(controlPlane);
  await operator.warmUp();
}, 120_000);

afterAll(async () => {
  await operator?.close();
  await controlPlane?.stop();
}, 30_000);

const EVENTS = 10;

/** Has so many events fail once, and then calls `interrupt`: their next attempts fall into what it does. */
async function interrupted(name: string, interrupt: (events: readonly string[]) => Promise<void>) {
  const { tenant, receiver, addEndpoint, requestsTo } = operator;
  const { endpoint, event: metadata } = onlyFor(name);
  const seen = new Set<unknown>();
  receiver.answerWith(({ headers }) => {
    const id = headers['webhook-id'];
    const first = !seen.has(id);
    seen.add(id);
    // One that speaks of the event, so that the circuit stays closed.
    return first ? 400 : 200;
  });
  await addEndpoint(name, {
    ...endpoint,
    retry: { initialDelaySeconds: 2, maxDelaySeconds: 2 },
  });
  const events = Array.from({ length: EVENTS }, (_, index) => `${name}-${index}`);
  for (const event of events) await tenant.createEvent(event, undefined, metadata);
  await waitUntil('the first attempts', () => requestsTo(name) >= EVENTS);
  await interrupt(events);
  return Promise.all(events.map((event) => tenant.eventReason(event, 'AllDelivered', 40_000)));
}

/** Each delivery counts as many attempts as requests with its webhook-id came. */
function expectEachRecordedOnce(statuses: Awaited<ReturnType<typeof interrupted>>) {
  for (const { deliveries } of statuses) {
    const requests = operator.receiver.requests.filter(
      ({ headers }) => headers['webhook-id'] === deliveries?.[0]?.deliveryID,
    );
    expect(deliveries).toMatchObject([{ state: 'Succeeded', attempts: requests.length }]);
    expect(requests).toHaveLength(2);
  }
}

test('while the API server hangs nothing is lost, and nothing sent twice', async () => {
  const statuses = await interrupted('hangs', async (events) => {
    // An attempt that could not be recorded would not be followed by another.
    await Promise.all(events.map((event) => operator.tenant.deliveryReason(event, 'BadStatus')));
    controlPlane.pause();
    try {
      await waitUntil('second attempts', () => operator.requestsTo('hangs') > EVENTS);
      await restFor(3000, () => operator.requestsTo('hangs'));
    } finally {
      controlPlane.resume();
    }
  });
  expectEachRecordedOnce(statuses);
}, 60_000);

test('while the API server restarts nothing is lost, and nothing sent twice', async () => {
  const statuses = await interrupted('restarts', () => controlPlane.restartApiServer());
  expectEachRecordedOnce(statuses);

  const { tenant, requestsTo } = operator;
  const before = requestsTo('restarts');
  await tenant.createEvent('afterwards', undefined, onlyFor('restarts').event);
  await tenant.eventReason('afterwards', 'AllDelivered');
  expect(requestsTo('restarts')).toBe(before + 2);
}, 90_000);
