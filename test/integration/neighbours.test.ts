import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { aGate, type Gate } from '../support/gate.ts';
import { anAuditLog } from '../support/eventSpec.ts';
import { inParallel } from '../support/inParallel.ts';
import { restFor } from '../support/nothingFor.ts';
import { startOperatorProcess, type OperatorProcess } from '../support/operatorProcess.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';
import { aTenant, type Tenant } from '../support/tenant.ts';
import { waitUntil } from '../support/waitUntil.ts';

// Of --max-in-flight a namespace is held to three quarters.
const SHARE = 192;
// What a neighbour may cost another namespace's first delivery.
const MOST_MILLISECONDS = 1000;
const PACED_EVENTS = 50;
const PACE_MILLISECONDS = 250;

let loud: Tenant;
let quiet: Tenant;
let operator: OperatorProcess;
let slow: Receiver;
let quick: Receiver;
let gate: Gate;

beforeAll(async () => {
  const cluster = await sharedControlPlane();
  [loud, quiet] = await Promise.all([aTenant(cluster), aTenant(cluster)]);
  gate = aGate();
  slow = await startReceiver({ answer: () => gate.opened.then(() => 200) });
  quick = await startReceiver({});
  await quiet.createEndpoint('quick', { url: quick.origin, eventTypes: ['AUDIT_LOG'] });
}, 120_000);

afterAll(() => Promise.all([slow.close(), quick.close()]));

// Each of the tests begins with an operator that has nothing to do.
beforeEach(async () => {
  const { kubeconfigPath: kubeconfig } = loud.cluster;
  const namespaces = [loud.namespace, quiet.namespace];
  operator = await startOperatorProcess({ kubeconfig, namespaces, args: ['--shutdown-grace-seconds=0'] });
  await firstDelivery('warm-up');
});

afterEach(async () => {
  expect(await operator?.stop()).toBe(0);
  await quiet.delete('flagevent', 'warm-up');
});

/** Creates an event in the quiet namespace; how long after the API server's answer its request comes, in milliseconds. */
async function firstDelivery(name: string): Promise<number> {
  const before = quick.requests.length;
  await quiet.createEvent(name, anAuditLog());
  const begun = performance.now();
  await waitUntil(`the request of ${name}`, () => quick.requests.length > before, { everyMs: 5 });
  return performance.now() - begun;
}

test('50 healthy endpoints keep 95 % of their rate beside one that hangs and one that is slow', async () => {
  const [healthy, hanging] = await Promise.all([startReceiver(), startReceiver({ answer: () => 'hang' })]);
  const late = await startReceiver({ answer: () => delay(5000, 200) });
  try {
    const spec = { eventTypes: ['FLAG_UPDATED'], timeoutSeconds: 30 };
    await loud.createEndpoint('hanging', { ...spec, url: hanging.origin });
    await loud.createEndpoint('late', { ...spec, url: late.origin });
    await inParallel(50, 50, (index) =>
      loud.createEndpoint(`healthy-${index}`, { ...spec, url: healthy.origin }),
    );
    const begun = performance.now();
    for (let index = 0; index < PACED_EVENTS; index += 1) {
      await delay(Math.max(0, begun + index * PACE_MILLISECONDS - performance.now()));
      await loud.createEvent(`paced-${index}`);
    }
    const asked = performance.now() - begun;
    await waitUntil('the healthy ones to get all', () => healthy.requests.length === 50 * PACED_EVENTS, {
      everyMs: 5,
    });
    expect(performance.now() - begun).toBeLessThan(asked / 0.95);
    expect(hanging.open).toBe(8);
    expect(late.requests.length).toBeLessThan(healthy.requests.length / 50);
  } finally {
    await Promise.all([healthy.close(), hanging.close(), late.close()]);
  }
}, 60_000);

test("300 endpoints of a namespace that don't answer hold another one's first delivery up by a second at most", async () => {
  const spec = { url: slow.origin, eventTypes: ['AUDIT_LOG'], timeoutSeconds: 30 };
  await inParallel(300, 50, (index) => loud.createEndpoint(`slow-${index}`, spec));
  for (const name of ['one', 'two', 'three']) await loud.createEvent(name, anAuditLog());
  await waitUntil('the namespace to hold its share', () => slow.open === SHARE);
  expect(await firstDelivery('beside-slow-ones')).toBeLessThan(MOST_MILLISECONDS);
  // A lane is in trouble once its request has hung for 2 s.
  await restFor(2500, () => slow.requests.length);
  expect(await firstDelivery('beside-hanging-ones')).toBeLessThan(MOST_MILLISECONDS);
  expect(slow.open).toBe(SHARE);
}, 60_000);
