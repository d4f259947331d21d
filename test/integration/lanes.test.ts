import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { labelled, matching } from '../support/addressing.ts';
import { aFlagUpdated } from '../support/eventSpec.ts';
import { aGate, type Gate } from '../support/gate.ts';
import {
  startOperatorProcess,
  type OperatorProcess,
  operatorKubeconfig,
} from '../support/operatorProcess.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';
import { aTenant, type Tenant } from '../support/tenant.ts';
import { waitUntil } from '../support/waitUntil.ts';

const MAX_IN_FLIGHT = 4;
// A namespace is held to three quarters.
const SHARE = 3;

let loud: Tenant;
let quiet: Tenant;
let operator: OperatorProcess;
let receiver: Receiver;
let gate: Gate;
/** The most requests that were open at once. */
let peak: number;

beforeAll(async () => {
  const cluster = await sharedControlPlane();
  [loud, quiet] = await Promise.all([aTenant(cluster), aTenant(cluster)]);
  operator = await startOperatorProcess({
    kubeconfig: operatorKubeconfig(cluster),
    namespaces: [loud.namespace, quiet.namespace],
    args: [`--max-in-flight=${MAX_IN_FLIGHT}`],
  });
}, 120_000);

afterAll(async () => {
  expect(await operator?.stop()).toBe(0);
});

beforeEach(async () => {
  gate = aGate();
  peak = 0;
  const { opened } = gate;
  receiver = await startReceiver({
    answer: async () => {
      peak = Math.max(peak, receiver.open);
      await opened;
      return 200;
    },
  });
});

afterEach(async () => {
  gate.open();
  await receiver.close();
});

async function endpoint(tenant: Tenant, name: string, maxInFlight: number): Promise<void> {
  const match = matching(name);
  await tenant.createEndpoint(name, { url: receiver.origin, match, maxInFlight, timeoutSeconds: 30 });
}

async function send(tenant: Tenant, to: string, count: number): Promise<string[]> {
  const names = Array.from({ length: count }, (_, index) => `${to}-${index}`);
  await Promise.all(names.map((name) => tenant.createEvent(name, aFlagUpdated(), labelled(to))));
  return names;
}

async function allDelivered(tenant: Tenant, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const { deliveries } = await tenant.eventReason(name, 'AllDelivered');
    expect(deliveries).toMatchObject([{ state: 'Succeeded', attempts: 1 }]);
  }
}

test('at most maxInFlight requests are open to an endpoint, and the rest follows', async () => {
  await endpoint(loud, 'two', 2);
  const names = await send(loud, 'two', 6);
  await waitUntil('two requests to be open', () => receiver.open === 2);
  // All have been taken up by then, so whatever was to be sent has been.
  for (const name of names) await loud.eventReason(name, 'Delivering');
  expect(receiver.requests).toHaveLength(2);
  gate.open();
  await allDelivered(loud, names);
  expect(receiver.requests).toHaveLength(6);
  expect(peak).toBe(2);
});

test('a maxInFlight that is raised counts at once', async () => {
  await endpoint(loud, 'raised', 1);
  const names = await send(loud, 'raised', 3);
  await waitUntil('a request to be open', () => receiver.open === 1);
  await loud.patchEndpoint('raised', { spec: { maxInFlight: 3 } });
  await waitUntil('three requests to be open', () => receiver.open === 3);
  gate.open();
  await allDelivered(loud, names);
});

test('a namespace holds at most three quarters of --max-in-flight, and another one is served at once', async () => {
  await Promise.all(['a', 'b', 'c'].map((name) => endpoint(loud, name, 8)));
  await endpoint(quiet, 'quiet', 8);
  const loudly = (await Promise.all(['a', 'b', 'c'].map((name) => send(loud, name, 5)))).flat();
  await waitUntil('the namespace to hold its share', () => receiver.open === SHARE);
  for (const name of loudly) await loud.eventReason(name, 'Delivering');
  expect(receiver.open).toBe(SHARE);

  const quietly = await send(quiet, 'quiet', 3);
  await waitUntil('the other namespace to be served', () => receiver.open === MAX_IN_FLIGHT);
  for (const name of quietly) await quiet.eventReason(name, 'Delivering');
  expect(receiver.requests).toHaveLength(MAX_IN_FLIGHT);
  gate.open();
  await Promise.all([allDelivered(loud, loudly), allDelivered(quiet, quietly)]);
  expect(receiver.requests).toHaveLength(loudly.length + quietly.length);
  expect(peak).toBe(MAX_IN_FLIGHT);
});
