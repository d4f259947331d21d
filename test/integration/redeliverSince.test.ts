import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { REDELIVER_SINCE_ANNOTATION } from '../../src/delivery/redeliverSince.ts';
import { onlyFor } from '../support/onlyFor.ts';
import { startProxiedOperator, type ProxiedOperator } from '../support/proxiedOperator.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';
import type { Tenant } from '../support/tenant.ts';
import { waitUntil } from '../support/waitUntil.ts';

const ONE_ATTEMPT = { retry: { giveUpAfterSeconds: 0 } };

let operator: ProxiedOperator;
let tenant: Tenant;

beforeAll(async () => {
  operator = await startProxiedOperator(await sharedControlPlane());
  ({ tenant } = operator);
}, 120_000);

afterAll(() => operator?.close());

/** Receivers that answer with something else than 200. */
const answers = new Map<string, number>();

/** An endpoint of one attempt for the events that are only for it, which gets this answer until told otherwise. */
async function anEndpoint(name: string, answer: number): Promise<void> {
  answers.set(`/${name}`, answer);
  operator.receiver.answerWith(({ path }) => answers.get(path) ?? 200);
  await operator.addEndpoint(name, { ...onlyFor(name).endpoint, ...ONE_ATTEMPT });
}

/** Creates an event for an endpoint that fails there; gives when that has ended. */
async function fail(name: string, endpoint: string): Promise<string> {
  await tenant.createEvent(name, undefined, onlyFor(endpoint).event);
  const { deliveries } = await tenant.eventReason(name, 'DeliveryFailed');
  return deliveries?.[0]?.completionTime ?? '';
}

const ask = (endpoint: string, since: string) =>
  tenant.patchEndpoint(endpoint, { metadata: { annotations: { [REDELIVER_SINCE_ANNOTATION]: since } } });

const handled = (endpoint: string, since: string) =>
  tenant.endpointStatus(
    endpoint,
    ({ lastHandledRedeliverSince }) => lastHandledRedeliverSince === since,
    30_000,
  );

const deliveryOf = async (event: string) => (await tenant.event(event)).status?.deliveries?.[0];

test.concurrent('the annotation sends again what has failed since then, once, and says so', async () => {
  await anEndpoint('flags', 503);
  await fail('early', 'flags');
  const since = await fail('first', 'flags');
  await fail('second', 'flags');
  answers.delete('/flags');
  await ask('flags', since);

  const { redelivery } = await handled('flags', since);
  expect(redelivery).toEqual({
    since,
    startTime: expect.any(String),
    completionTime: expect.any(String),
    events: 2,
  });
  for (const name of ['first', 'second']) {
    const { deliveries } = await tenant.eventReason(name, 'AllDelivered');
    expect(deliveries).toMatchObject([{ redeliveries: 1, attempts: 1 }]);
  }
  expect(await deliveryOf('early')).toMatchObject({ state: 'Failed', redeliveries: 0 });
  expect(operator.requestsTo('flags')).toBe(5);
});

test.concurrent('what a receiver that was gone has missed is brought back by it', async () => {
  await anEndpoint('left', 410);
  const since = await fail('refused', 'left');
  await tenant.endpointReason('left', 'Gone');
  await fail('missed', 'left');
  answers.delete('/left');
  await tenant.patchEndpoint('left', { spec: { timeoutSeconds: 9 } });
  await tenant.endpointReason('left', 'Ready');
  await ask('left', since);
  for (const name of ['refused', 'missed']) {
    const { deliveries } = await tenant.eventReason(name, 'AllDelivered', 30_000);
    expect(deliveries).toMatchObject([{ redeliveries: 1, attempts: 1 }]);
  }
});

test.concurrent('a value that is no time counts as handled, and is told of', async () => {
  await anEndpoint('mistyped', 200);
  await ask('mistyped', 'yesterday');
  expect((await handled('mistyped', 'yesterday')).redelivery).toBeUndefined();
  expect(await tenant.notice('mistyped', 'InvalidAnnotation')).toMatchObject({
    type: 'Warning',
    action: 'Redeliver',
  });
});

test('killed in the middle, the next process goes on, and starts nothing over twice', async () => {
  const { proxy, kill, restart } = operator;
  await anEndpoint('middle', 503);
  const names = ['middle-1', 'middle-2', 'middle-3'];
  const [since = ''] = await Promise.all(names.map((name) => fail(name, 'middle')));
  const earliest = '2026-01-01T00:00:00Z';
  expect(since > earliest).toBe(true);
  const writes = { verb: 'update', resource: 'flagevents', subresource: 'status' } as const;
  const letGo = proxy.fault({ ...writes, name: 'middle-2' }, 'hold');
  await ask('middle', earliest);
  await waitUntil('the second event to be written', () => proxy.kept > 0, { timeoutMs: 30_000 });
  await tenant.eventStatus('middle-1', ({ deliveries, completionTime }) => {
    return deliveries?.[0]?.redeliveries === 1 && completionTime !== undefined;
  });
  const begun = await tenant.endpoint('middle');
  expect(begun.status).toMatchObject({ redelivery: { since: earliest } });
  expect(begun.status).not.toHaveProperty('lastHandledRedeliverSince');
  await kill();
  letGo();
  answers.delete('/middle');
  await restart();

  const { redelivery } = await handled('middle', earliest);
  expect(redelivery).toMatchObject({ startTime: begun.status?.redelivery?.startTime, events: 3 });
  for (const name of names)
    await tenant.eventStatus(name, ({ completionTime }) => completionTime !== undefined);
  const deliveries = await Promise.all(names.map(deliveryOf));
  expect(deliveries).toMatchObject(
    ['Failed', 'Succeeded', 'Succeeded'].map((state) => ({ state, redeliveries: 1 })),
  );
}, 60_000);
