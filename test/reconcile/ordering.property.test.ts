import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { aFlagUpdated } from '../support/eventSpec.ts';
import { EventWorld, uidOf, type Fault, type Received } from '../support/eventWorld.ts';
import { anEndpoint } from '../support/fixtures.ts';

const ENDPOINTS = ['None', 'PerFeature', 'LatestPerFeature'] as const;
const endpointOf = (ordering: string) => ordering.toLowerCase();
const [PER_FEATURE, LATEST] = [endpointOf('PerFeature'), endpointOf('LatestPerFeature')];

type Step =
  | { readonly kind: 'create'; readonly feature: number; readonly second: number }
  | { readonly kind: 'delete'; readonly event: number }
  | { readonly kind: 'advance'; readonly milliseconds: number }
  | { readonly kind: 'answer'; readonly request: number; readonly statusCode: number }
  | { readonly kind: 'fault'; readonly fault: Fault }
  | { readonly kind: 'lag'; readonly milliseconds: number }
  | { readonly kind: 'restart' };

const oneOf = fc.constantFrom;
const create = fc.record({ kind: oneOf('create'), feature: fc.nat({ max: 1 }), second: fc.nat({ max: 9 }) });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: create },
  { weight: 1, arbitrary: fc.record({ kind: oneOf('delete'), event: fc.nat({ max: 20 }) }) },
  {
    weight: 7,
    arbitrary: fc.record({
      kind: oneOf('advance'),
      milliseconds: oneOf(1, 2, 7, 60, 250, 1100, 6000, 30_000),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: oneOf('answer'),
      request: fc.nat({ max: 8 }),
      statusCode: oneOf(200, 200, 400, 503),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: oneOf('fault'), fault: oneOf<Fault>('unavailable', 'answer lost') }),
  },
  { weight: 1, arbitrary: fc.record({ kind: oneOf('lag'), milliseconds: oneOf(1, 5, 400, 3000) }) },
  { weight: 1, arbitrary: fc.record({ kind: oneOf('restart') }) },
);

/** An event that was created; those of a feature go by the second, then by name. */
interface Made {
  readonly name: string;
  readonly feature: number;
  readonly second: number;
}

const isBefore = (a: Made, b: Made) => a.second < b.second || (a.second === b.second && a.name < b.name);

class Play {
  world: EventWorld;
  readonly created: Made[] = [];
  /** What was not deleted. */
  readonly made = new Map<string, Made>();
  readonly broken: string[] = [];

  constructor(world: EventWorld) {
    this.world = world;
    world.receiver = () => undefined;
    world.onSend = (request) => this.#check(request);
    const retry = { initialDelaySeconds: 2, maxDelaySeconds: 5 };
    for (const ordering of ENDPOINTS) {
      world.addEndpoint(anEndpoint({ name: endpointOf(ordering), spec: { ordering, retry } }));
    }
  }

  take(next: Step): Promise<void> | void {
    const { world } = this;
    switch (next.kind) {
      case 'create':
        return this.#create(next.feature, next.second);
      case 'delete':
        return this.#delete(next.event);
      case 'advance':
        return world.advance(next.milliseconds);
      case 'answer':
        return [...world.open][next.request]?.answer(next.statusCode);
      case 'fault':
        return void world.faults.push(next.fault);
      case 'lag':
        return void (world.watchLagMilliseconds = next.milliseconds);
      case 'restart':
        return void (this.world = world.restart());
    }
  }

  #create(feature: number, second: number): void {
    const name = `event-${String(this.created.length).padStart(3, '0')}`;
    const event = { name, feature, second };
    this.created.push(event);
    this.made.set(name, event);
    const state = { enabled: true, environment: { id: 1, name: 'x' }, feature: { id: feature, name: 'x' } };
    const timestamp = `2026-11-24T00:00:0${second}Z`;
    this.world.create(name, { spec: aFlagUpdated({ changed_by: name, new_state: state, timestamp }) });
  }

  #delete(index: number): void {
    const name = this.created[index]?.name;
    if (name === undefined || !this.made.has(name) || this.world.status(name)?.completionTime !== undefined)
      return;
    this.made.delete(name);
    this.world.delete(name);
  }

  eventOf({ body }: Received): Made | undefined {
    return this.made.get(/event-\d+/.exec(body)?.[0] ?? '');
  }

  /** What must hold whenever a request is sent. */
  #check(request: Received): void {
    const event = this.eventOf(request);
    if (!event || request.endpoint === endpointOf('None')) return;
    const others = [...this.made.values()].filter(
      ({ name, feature }) => name !== event.name && feature === event.feature,
    );
    const names = new Set(others.map(({ name }) => name));
    const open = [...this.world.open].filter(({ endpoint }) => endpoint === request.endpoint);
    if (open.some((other) => names.has(this.eventOf(other)?.name ?? ''))) {
      this.broken.push(`${event.name} was sent to ${request.endpoint} beside another one`);
    }
    const early = others.filter(
      (other) => isBefore(other, event) && this.#isKnown(other) && !this.#hasEnded(other, request.endpoint),
    );
    for (const { name } of early)
      this.broken.push(`${event.name} was sent to ${request.endpoint} before ${name}`);
    const late = others.filter(
      (other) => isBefore(event, other) && this.#wasDelivered(other, request.endpoint),
    );
    if (request.endpoint !== LATEST) return;
    for (const { name } of late) this.broken.push(`${event.name} was sent after ${name}, which is newer`);
  }

  #isKnown({ name }: Made): boolean {
    return this.world.store.get('shop', name) !== undefined;
  }

  #hasEnded(event: Made, endpoint: string): boolean {
    // What the watch has shown to be superseded need not be written yet.
    const isSuperseded =
      endpoint === LATEST && this.world.order.turn(uidOf(event.name), uidOf(endpoint)) === 'superseded';
    const recorded = this.world
      .status(event.name)
      ?.deliveries?.find(({ endpointName }) => endpointName === endpoint);
    return (
      isSuperseded ||
      this.#wasDelivered(event, endpoint) ||
      (recorded !== undefined && recorded.state !== 'Pending')
    );
  }

  /** By this process. */
  #wasDelivered({ name }: Made, endpoint: string): boolean {
    return this.world.attempts.some(
      ({ event, record }) =>
        event.metadata.name === name && record.endpointUID === uidOf(endpoint) && record.outcome.success,
    );
  }
}

async function play(steps: readonly Step[], recording: boolean): Promise<void> {
  const game = new Play(recording ? await EventWorld.recording() : new EventWorld());
  for (const next of steps) await game.take(next);

  // From here on all goes well, and everything comes to its end.
  const { world, created, made, broken } = game;
  world.faults.length = 0;
  world.receiver = () => 200;
  for (const request of world.open) request.answer(200);
  await world.advance(300_000);
  expect(broken).toEqual([]);
  for (const event of made.values()) {
    const { [PER_FEATURE]: perFeature, [LATEST]: latest, ...others } = world.deliveries(event.name);
    expect({ perFeature, ...others }).toEqual({
      perFeature: 'Succeeded Delivered',
      none: 'Succeeded Delivered',
    });
    // One that was deleted may have superseded it before.
    const isNewest = !created.some((other) => other.feature === event.feature && isBefore(event, other));
    const ways = isNewest ? ['Succeeded Delivered'] : ['Succeeded Delivered', 'Canceled Superseded'];
    expect(ways).toContain(latest);
  }
  expect(world.works.unwritten).toBe(0);
  expect(world.pending.size).toBe(0);
  const calls = world.calls.length;
  await world.advance(7_200_000);
  expect(world.calls).toHaveLength(calls);
  world.stop();
}

test('however outcomes, arrivals and restarts fall: each feature arrives in order, the newest always, nothing older after it', async () => {
  const steps = fc.array(step, { maxLength: 80 });
  await fc.assert(fc.asyncProperty(steps, fc.boolean(), play), { numRuns: 150 });
}, 120_000);
