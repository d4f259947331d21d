import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { FlagEventStatus } from '../../src/api/flagEvent.ts';
import { EventWorld, type Fault } from '../support/eventWorld.ts';
import { anEndpoint } from '../support/fixtures.ts';

const ENDPOINTS = ['a', 'b', 'c'];
const EVENTS = ['first', 'second'];

type Step =
  | { readonly kind: 'advance'; readonly milliseconds: number }
  | { readonly kind: 'answer'; readonly request: number; readonly statusCode: number }
  | { readonly kind: 'reconcile' | 'touch'; readonly event: string }
  | { readonly kind: 'fault'; readonly fault: Fault }
  | { readonly kind: 'lag'; readonly milliseconds: number }
  | { readonly kind: 'lists'; readonly fail: boolean }
  | { readonly kind: 'create' };

const oneOf = fc.constantFrom;
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: oneOf('advance'), milliseconds: oneOf(1, 2, 7, 60, 250, 1100, 6000) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: oneOf('answer'),
      request: fc.nat({ max: 8 }),
      statusCode: oneOf(200, 200, 400, 503),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: oneOf('reconcile'), event: oneOf(...EVENTS) }) },
  { weight: 1, arbitrary: fc.record({ kind: oneOf('touch'), event: oneOf(...EVENTS) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: oneOf('fault'), fault: oneOf<Fault>('unavailable', 'answer lost') }),
  },
  { weight: 1, arbitrary: fc.record({ kind: oneOf('lag'), milliseconds: oneOf(1, 5, 400, 20_000) }) },
  { weight: 1, arbitrary: fc.record({ kind: oneOf('lists'), fail: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: oneOf('create') }) },
);

/** What must hold of every write: nothing that was recorded is taken back. */
function expectForward(before: FlagEventStatus | undefined, status: FlagEventStatus): void {
  expect(before?.completionTime).toBeUndefined();
  if (before?.startTime === undefined) return;
  const listed = before.deliveries ?? [];
  expect(status.deliveries?.map(({ endpointUID }) => endpointUID)).toEqual(
    listed.map(({ endpointUID }) => endpointUID),
  );
  for (const [index, delivery] of listed.entries()) {
    const now = status.deliveries?.[index];
    expect(now?.attempts ?? 0).toBeGreaterThanOrEqual(delivery.attempts ?? 0);
    if (delivery.state !== 'Pending') expect(now).toEqual(delivery);
  }
}

async function play(steps: readonly Step[], recording: boolean): Promise<void> {
  const world = recording ? await EventWorld.recording() : new EventWorld();
  // An assertion inside the world would be taken for a failed call and tried again.
  const broken: unknown[] = [];
  const guard = (check: () => void) => {
    try {
      check();
    } catch (error) {
      broken.push(error);
    }
  };
  world.receiver = () => undefined;
  world.onWrite = (before, status) => guard(() => expectForward(before, status));
  world.onSend = ({ deliveryID }) =>
    guard(() => {
      const recorded = EVENTS.flatMap((event) => world.status(event)?.deliveries ?? []);
      expect(
        recorded.filter((delivery) => delivery.deliveryID === deliveryID && delivery.state !== 'Pending'),
      ).toEqual([]);
      expect([...world.open].filter((open) => open.deliveryID === deliveryID)).toEqual([]);
    });

  const retry = { initialDelaySeconds: 2, maxAttempts: 4 };
  for (const name of ENDPOINTS) world.addEndpoint(anEndpoint({ name, spec: { retry, maxInFlight: 2 } }));
  world.create('first');
  let created = 1;
  let disturbances = 0;
  for (const next of steps) {
    switch (next.kind) {
      case 'advance':
        await world.advance(next.milliseconds);
        break;
      case 'answer':
        [...world.open][next.request]?.answer(next.statusCode);
        break;
      case 'reconcile':
        world.queue.add(`shop/${next.event}`);
        break;
      case 'touch':
        disturbances += 1;
        world.touch(next.event);
        break;
      case 'fault':
        disturbances += 1;
        world.faults.push(next.fault);
        break;
      case 'lag':
        world.watchLagMilliseconds = next.milliseconds;
        break;
      case 'lists':
        world.listsFail = next.fail;
        break;
      case 'create':
        if (created === 1) world.create('second');
        created = 2;
        break;
    }
  }

  // From here on all goes well, and everything comes to its end.
  world.faults.length = 0;
  world.listsFail = false;
  world.receiver = () => 200;
  for (const request of world.open) request.answer(200);
  await world.advance(120_000);
  const events = EVENTS.slice(0, created);
  expect(broken).toEqual([]);
  for (const event of events) {
    expect(world.status(event)?.completionTime).toBeDefined();
    expect(Object.keys(world.deliveries(event))).toEqual(ENDPOINTS);
    // Each receiver that answered 2xx is recorded as such, and each one was asked.
    expect(world.status(event)?.deliveries?.filter(({ attempts = 0 }) => attempts === 0)).toEqual([]);
  }
  expect(world.works.unwritten).toBe(0);
  expect(world.pending.size).toBe(0);
  expect(world.requests.length).toBe(world.attempts.length);
  const ownWrites = world.written.filter(({ event }) => events.includes(event)).length;
  expect(ownWrites).toBeLessThanOrEqual(world.attempts.length + created * 2 + disturbances);

  const calls = world.calls.length;
  await world.advance(7_200_000);
  expect(world.calls).toHaveLength(calls);
  world.stop();
}

test('however outcomes, repeats, conflicts, lost answers and lag fall: nothing ended is sent again, and all ends', async () => {
  const steps = fc.array(step, { maxLength: 60 });
  await fc.assert(fc.asyncProperty(steps, fc.boolean(), play), { numRuns: 200 });
}, 120_000);
