import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Delivery, FlagEvent } from '../../src/api/flagEvent.ts';
import type { UID } from '../../src/api/objectMeta.ts';
import type { WebhookEndpoint, WebhookEndpointStatus } from '../../src/api/webhookEndpoint.ts';
import { REDELIVER_SINCE_ANNOTATION } from '../../src/delivery/redeliverSince.ts';
import { EndpointRedeliveries } from '../../src/reconcile/endpointRedeliveries.ts';
import { Redeliverer } from '../../src/reconcile/redeliverer.ts';
import { EVENT_WRITES, WriteBudget } from '../../src/reconcile/writeBudget.ts';
import { ApiError } from '../../src/runtime/apiError.ts';
import { FakeClock } from '../support/fakeClock.ts';
import { aDelivery, anEndpoint, anEvent, aView, uid } from '../support/fixtures.ts';
import { ListedEvents } from '../support/listedEvents.ts';

const NOW = '2026-11-25T12:00:00.000Z';
const SINCE = '2026-11-25T00:00:00Z';
const OTHER = '2026-11-24T00:00:00Z';
const BETWEEN = '2026-11-25T06:00:00.000Z';

let clock: FakeClock;
let api: ListedEvents;
/** Endpoints by UID, as the API server has them. */
let endpoints: Map<UID, WebhookEndpoint>;
/** Statuses of endpoints as they were written, in order. */
let statuses: WebhookEndpointStatus[];
/** What was written, in order. */
let writes: string[];
let endpointWritesFail: boolean;
let watched: Set<string>;
/** Whether other events wait for their reconcile. */
let busy: boolean;
let errors: string[];
let budget: WriteBudget;
let life: AbortController;
let redeliveries: EndpointRedeliveries;

/** Begins, also anew as after a restart. */
function start(): void {
  life?.abort();
  life = new AbortController();
  const begun: EndpointRedeliveries = new EndpointRedeliveries({
    list: (namespace) => api.list(namespace),
    redeliverer: new Redeliverer({
      read: (namespace, name) => api.read(namespace, name),
      isUnwatched: ({ metadata }) => !watched.has(metadata.name),
      recorder: {
        write: async (event, status) => {
          const result = await api.write(event, status);
          if (result === 'written') writes.push(event.metadata.name);
          return result;
        },
        retryAt: () => clock.now() + 4000,
      },
      budget,
      isBusy: () => busy,
      registry: {
        view: (endpointUID) => {
          const endpoint = endpoints.get(endpointUID);
          return endpoint && aView(endpoint.metadata.name, { redelivery: endpoint.status?.redelivery });
        },
      },
      clock,
    }),
    enqueue: ({ metadata }) =>
      void clock.schedule(0, () => {
        if (redeliveries === begun) reconcile(metadata.uid);
      }),
    clock,
    random: () => 0.5,
    onError: (namespace, error) => errors.push(`${namespace} ${String(error)}`),
    signal: life.signal,
  });
  redeliveries = begun;
}

beforeEach(() => {
  clock = new FakeClock(NOW);
  api = new ListedEvents();
  endpoints = new Map();
  statuses = [];
  writes = [];
  endpointWritesFail = false;
  watched = new Set();
  busy = false;
  errors = [];
  budget = new WriteBudget({ ...EVENT_WRITES, clock, queue: { add: () => {} } });
  start();
  put(anEndpoint({ name: 'flags' }));
});

afterEach(() => life.abort());

function put(endpoint: WebhookEndpoint): void {
  endpoints.set(endpoint.metadata.uid, endpoint);
}

/** As the reconciler of endpoints does it, as often as it likes. */
function reconcile(endpointUID: UID): void {
  const endpoint = endpoints.get(endpointUID);
  if (!endpoint) return;
  const status = { ...endpoint.status, ...redeliveries.look(endpoint) };
  const [before, now] = [endpoint.status ?? {}, status].map((one) => JSON.stringify(one));
  if (endpointWritesFail || before === now) return;
  statuses.push(status);
  if (status.redelivery?.events === 0) writes.push('begun');
  if (status.redelivery?.completionTime !== undefined) writes.push('ended');
  put({ ...endpoint, status });
  reconcile(endpointUID);
}

const FLAGS = uid('uid-flags');
const statusOf = (name = 'flags') => endpoints.get(uid(`uid-${name}`))?.status;

/** Sets the annotation, or takes it away, and lets the endpoint be reconciled. */
function ask(value: string | undefined, name = 'flags'): void {
  const endpoint = endpoints.get(uid(`uid-${name}`));
  if (!endpoint) throw new Error(`no endpoint ${name}`);
  const annotations = value === undefined ? undefined : { [REDELIVER_SINCE_ANNOTATION]: value };
  put({ ...endpoint, metadata: { ...endpoint.metadata, annotations } });
  reconcile(endpoint.metadata.uid);
}

function failedAt(endpointName: string, completionTime = BETWEEN): Delivery {
  return aDelivery({ endpointName, state: 'Failed', attempts: 3, reason: 'BadStatus', completionTime });
}

/** An event that has finished, unless one of its deliveries is pending. */
function anEventWith(
  name: string,
  deliveries: Delivery[],
  metadata: Partial<FlagEvent['metadata']> = {},
): FlagEvent {
  const isFinished = deliveries.every(({ state }) => state !== 'Pending');
  const completionTime = isFinished ? NOW : undefined;
  return anEvent({ name, metadata, status: { startTime: SINCE, completionTime, deliveries } });
}

/** Finished events that have failed at flags. */
function putFailed(...names: string[]): void {
  for (const name of names) api.put(anEventWith(name, [failedAt('flags')]));
}

const redeliveriesOf = (name: string) =>
  api.get(name)?.status?.deliveries?.map(({ redeliveries: times }) => times);

/** Lets a delivery that was started over fail again. */
function failAgain(name: string): void {
  const event = api.get(name);
  if (!event) throw new Error(`no event ${name}`);
  const completionTime = new Date(clock.now()).toISOString();
  const deliveries = event.status?.deliveries?.map((delivery) => ({
    ...delivery,
    state: 'Failed' as const,
    completionTime,
  }));
  api.put({ ...event, status: { ...event.status, completionTime, deliveries } });
}

describe('a value that was not handled yet', () => {
  test('starts over what has failed at the endpoint since then, in finished and unfinished events', async () => {
    const ended = failedAt('flags');
    for (const [name, deliveries] of Object.entries({
      finished: [failedAt('other'), ended],
      unfinished: [aDelivery({ endpointName: 'other' }), ended],
      before: [failedAt('flags', '2026-11-24T23:59:59.999Z')],
      pending: [aDelivery({ endpointName: 'flags' })],
      succeeded: [{ ...ended, state: 'Succeeded' as const }],
      elsewhere: [failedAt('other')],
      nobody: [],
    })) {
      api.put(anEventWith(name, deliveries));
    }
    api.put(anEventWith('another-s', [ended], { namespace: 'other' }));
    api.put(anEventWith('going', [ended], { deletionTimestamp: NOW }));
    api.put(anEvent({ name: 'fresh' }));
    ask(SINCE);
    await clock.advance(5000);

    expect(api.written).toEqual(['finished', 'unfinished']);
    expect([redeliveriesOf('finished'), redeliveriesOf('unfinished')]).toEqual([
      [0, 1],
      [0, 1],
    ]);
    expect(api.get('finished')?.status).toMatchObject({
      conditions: [{ reason: 'Delivering' }, {}, {}],
      deliveries: [failedAt('other'), { state: 'Pending', attempts: 0, redeliveries: 1 }],
    });
    expect(api.get('finished')?.status?.completionTime).toBeUndefined();
    expect(errors).toEqual([]);
  });

  test('has its times in the status before anything is started over, then how far it is, and its end last', async () => {
    putFailed('a', 'b', 'c');
    ask(SINCE);
    await clock.advance(5000);
    expect(writes).toEqual(['begun', 'a', 'b', 'c', 'ended']);
    const redelivery = { since: SINCE, startTime: NOW };
    expect(statuses.map((status) => status.redelivery)).toMatchObject(
      [0, 1, 2, 3, 3].map((events) => ({ ...redelivery, events })),
    );
    expect(statuses.map((status) => status.lastHandledRedeliverSince)).toEqual([
      ...Array.from({ length: 4 }),
      SINCE,
    ]);
    expect(statuses.map((status) => status.redelivery?.completionTime !== undefined)).toEqual([
      false,
      false,
      false,
      false,
      true,
    ]);
  });

  test('is handled once, also by the next process and after another one', async () => {
    putFailed('a');
    ask(SINCE);
    await clock.advance(5000);
    failAgain('a');
    for (const value of [SINCE, undefined, SINCE]) ask(value);
    await clock.advance(5000);
    start();
    ask(SINCE);
    await clock.advance(5000);
    expect([writes, api.lists]).toEqual([['begun', 'a', 'ended'], 1]);

    ask(OTHER);
    await clock.advance(5000);
    expect(redeliveriesOf('a')).toEqual([2]);
    expect(statusOf()).toMatchObject({ lastHandledRedeliverSince: OTHER, redelivery: { events: 1 } });
  });

  test('does not concern what fails after it was seen, however late that is written', async () => {
    putFailed('a');
    endpointWritesFail = true;
    ask(SINCE);
    await clock.advance(60_000);
    api.put(anEventWith('late', [failedAt('flags', '2026-11-25T12:00:00.001Z')]));
    endpointWritesFail = false;
    reconcile(FLAGS);
    await clock.advance(5000);
    expect(statusOf()?.redelivery).toMatchObject({ startTime: NOW });
    expect(api.written).toEqual(['a']);
  });

  test('is handled at once where it is no time', async () => {
    putFailed('a');
    ask('yesterday');
    await clock.advance(5000);
    expect(statusOf()).toEqual({ lastHandledRedeliverSince: 'yesterday' });
    expect([api.lists, api.written]).toEqual([0, []]);
  });

  test('is gone on with at a bounded rate, page by page', async () => {
    const names = Array.from({ length: 300 }, (_, index) => `event-${index}`);
    putFailed(...names);
    api.pageSize = 50;
    ask(SINCE);
    await clock.advance(2000);
    expect(api.written.length).toBeGreaterThan(150);
    expect(api.written.length).toBeLessThanOrEqual(201);
    await clock.advance(2000);
    expect(api.written).toEqual(names);
    expect(statusOf()?.redelivery?.events).toBe(300);
  });
});

test('while other events wait, one a second is started over', async () => {
  putFailed('a', 'b', 'c', 'd', 'e');
  busy = true;
  ask(SINCE);
  await clock.advance(2500);
  expect(api.written).toEqual(['a', 'b']);
  busy = false;
  await clock.advance(200);
  expect(api.written).toEqual(['a', 'b', 'c', 'd', 'e']);
});

describe('a value that is set', () => {
  test('waits while other writes have cost what they may', async () => {
    putFailed('a', 'b', 'c');
    budget.take({ key: 'shop/large', bytes: 10 * EVENT_WRITES.bytesPerSecond, priority: 'normal' });
    ask(SINCE);
    await clock.advance(9000);
    expect(api.written).toEqual([]);
    await clock.advance(3000);
    expect(api.written).toEqual(['a', 'b', 'c']);
  });

  test('before the last one was begun takes its place', async () => {
    putFailed('a');
    endpointWritesFail = true;
    ask(OTHER);
    endpointWritesFail = false;
    ask(SINCE);
    await clock.advance(5000);
    expect(statusOf()).toMatchObject({ lastHandledRedeliverSince: SINCE, redelivery: { since: SINCE } });
    expect(redeliveriesOf('a')).toEqual([1]);
  });

  test('while another one is gone on with comes after it, for what has failed until it was seen', async () => {
    putFailed('a', 'b', 'c', 'd');
    let seenAt = NaN;
    api.onPage = (page) => {
      if (page !== 2 || !Number.isNaN(seenAt)) return;
      failAgain('a');
      seenAt = clock.now();
      ask(OTHER);
      clock.schedule(5, () => failAgain('b'));
    };
    ask(SINCE);
    await clock.advance(5000);
    expect(writes.filter((what) => what.length > 1)).toEqual(['begun', 'ended', 'begun', 'ended']);
    expect(statuses.map(({ lastHandledRedeliverSince }) => lastHandledRedeliverSince)).toContain(SINCE);
    expect(statusOf()).toMatchObject({
      lastHandledRedeliverSince: OTHER,
      // Two of them by the first one, since the second one was seen.
      redelivery: { since: OTHER, startTime: new Date(seenAt).toISOString(), events: 3 },
    });
    expect(['a', 'b', 'c', 'd'].map(redeliveriesOf)).toEqual([[2], [1], [1], [1]]);
  });

  test('and taken away while it is gone on with is gone on with', async () => {
    putFailed('a', 'b', 'c');
    api.onPage = (page) => {
      if (page === 2) ask(undefined);
    };
    ask(SINCE);
    await clock.advance(5000);
    expect(writes).toEqual(['begun', 'a', 'b', 'c', 'ended']);
    expect(statusOf()?.lastHandledRedeliverSince).toBe(SINCE);
  });
});

describe('the next process', () => {
  const names = ['a', 'b', 'c', 'd', 'e'];

  test.each([0, 1, 2, 3, 4, 5])('goes on after %d events, and starts none over twice', async (count) => {
    putFailed(...names);
    api.onWrite = () => (api.written.length >= count ? 'failed' : undefined);
    ask(SINCE);
    await clock.advance(1000);
    expect(api.written).toHaveLength(count);
    for (const name of api.written) failAgain(name);

    api.onWrite = () => undefined;
    // What a crash loses of the status is found again.
    put({
      ...anEndpoint({ name: 'flags' }),
      status: { ...statusOf(), redelivery: { since: SINCE, startTime: NOW, events: 0 } },
    });
    start();
    ask(SINCE);
    await clock.advance(5000);
    expect(names.map(redeliveriesOf)).toEqual(names.map(() => [1]));
    expect(statusOf()).toMatchObject({
      redelivery: { since: SINCE, startTime: NOW, events: 5 },
      lastHandledRedeliverSince: SINCE,
    });
  });

  test('takes the end in where it was not written, and starts nothing over', async () => {
    putFailed(...names);
    ask(SINCE);
    await clock.advance(200);
    endpointWritesFail = true;
    await clock.advance(5000);
    expect(api.written).toEqual(names);
    endpointWritesFail = false;
    start();
    reconcile(FLAGS);
    await clock.advance(5000);
    expect(api.written).toEqual(names);
    expect(statusOf()).toMatchObject({ lastHandledRedeliverSince: SINCE, redelivery: { events: 5 } });
  });

  test('never tells of fewer events than the last one', async () => {
    putFailed('a', 'b');
    put(anEndpoint({ name: 'flags', status: { redelivery: { since: SINCE, startTime: NOW, events: 7 } } }));
    reconcile(FLAGS);
    await clock.advance(5000);
    expect(statusOf()?.redelivery).toMatchObject({ events: 7 });
    expect(statusOf()?.lastHandledRedeliverSince).toBe(SINCE);
  });

  test('is left to it once this one ends', async () => {
    putFailed(...names);
    ask(SINCE);
    api.onPage = (page) => {
      if (page === 2) life.abort();
    };
    await clock.advance(60_000);
    expect(api.written.length).toBeLessThan(5);
    expect([errors, clock.timers]).toEqual([[], 0]);
  });
});

describe('what goes wrong', () => {
  const changed = (name: string, change: (event: FlagEvent) => FlagEvent) => {
    const event = api.get(name);
    if (event) api.put(change(event));
  };

  test.each<[what: string, change: (name: string) => void, redeliveries: (number | undefined)[] | undefined]>(
    [
      ['has another label', (name) => changed(name, (event) => event), [1]],
      [
        'was started over',
        (name) => api.put(anEventWith(name, [{ ...failedAt('flags'), state: 'Pending', redeliveries: 1 }])),
        [1],
      ],
      ['is gone', (name) => api.remove(name), undefined],
      [
        'is another one',
        (name) => {
          api.remove(name);
          api.put(anEventWith(name, [failedAt('flags')], { uid: uid('another') }));
        },
        [0],
      ],
      [
        'is being deleted',
        (name) =>
          changed(name, (event) => ({ ...event, metadata: { ...event.metadata, deletionTimestamp: NOW } })),
        [0],
      ],
    ],
  )('an event that %s since it was listed', async (_what, change, times) => {
    putFailed('a', 'b', 'c');
    api.onWrite = (name) => {
      if (name !== 'b') return undefined;
      api.onWrite = () => undefined;
      change('b');
      return undefined;
    };
    ask(SINCE);
    await clock.advance(5000);
    expect(['a', 'b', 'c'].map(redeliveriesOf)).toEqual([[1], times, [1]]);
    expect(statusOf()?.lastHandledRedeliverSince).toBe(SINCE);
  });

  test('a write that fails is tried again once its backoff is over', async () => {
    putFailed('a', 'b');
    const faults = ['failed', 'failed'] as const;
    let tried = 0;
    api.onWrite = () => faults[tried++];
    ask(SINCE);
    await clock.advance(7999);
    expect([tried, api.written]).toEqual([2, []]);
    await clock.advance(100);
    expect(api.written).toEqual(['a', 'b']);
  });

  test('a write that is refused holds nothing up', async () => {
    putFailed('a', 'b', 'c');
    api.onWrite = (name) => (name === 'b' ? 'refused' : undefined);
    ask(SINCE);
    await clock.advance(5000);
    expect(api.written).toEqual(['a', 'c']);
    expect(statusOf()).toMatchObject({ lastHandledRedeliverSince: SINCE, redelivery: { events: 2 } });
  });

  test('a finished event that the watch has not let go of yet is waited for', async () => {
    putFailed('a', 'b');
    watched.add('a');
    ask(SINCE);
    await clock.advance(1000);
    expect(api.written).toEqual([]);
    watched.clear();
    await clock.advance(1000);
    expect(api.written).toEqual(['a', 'b']);
  });

  test('a page that can not be had is told, and the events are gone over anew after a second', async () => {
    putFailed('a', 'b', 'c', 'd', 'e');
    api.onPage = (page) => {
      if (page === 2) throw new ApiError(503, 'ServiceUnavailable', 'unavailable');
    };
    ask(SINCE);
    await clock.advance(500);
    expect(errors).toEqual(['shop ApiError: unavailable']);
    api.onPage = () => {};
    await clock.advance(5000);
    expect(api.written).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(statusOf()?.redelivery).toMatchObject({ events: 5 });
    expect([errors.length, api.lists]).toEqual([1, 2]);
  });

  test('a list that has become too old begins anew at once, and nobody is told', async () => {
    putFailed('a', 'b', 'c');
    let pages = 0;
    api.onPage = () => {
      pages += 1;
      if (pages === 2) throw new ApiError(410, 'Expired', 'the continue token is too old');
    };
    ask(SINCE);
    await clock.advance(300);
    expect(api.written).toEqual(['a', 'b', 'c']);
    expect([errors, api.lists]).toEqual([[], 2]);
  });

  test('an endpoint that is deleted in the middle gets no more, and its events are not gone over to the end', async () => {
    putFailed('a', 'b', 'c', 'd', 'e', 'f', 'g');
    const pages: number[] = [];
    api.onPage = (page) => {
      pages.push(page);
      if (page !== 2) return;
      endpoints.delete(FLAGS);
      redeliveries.forget(FLAGS);
    };
    ask(SINCE);
    await clock.advance(60_000);
    expect(api.written).toEqual(['a', 'b']);
    expect([pages, errors, clock.timers]).toEqual([[1, 2], [], 0]);
  });
});

describe('several endpoints', () => {
  beforeEach(() => put(anEndpoint({ name: 'other' })));

  test('that ask at once are served by one pass, and one write of an event', async () => {
    api.put(anEventWith('a', [failedAt('flags'), failedAt('other')]));
    api.put(anEventWith('b', [failedAt('other')]));
    ask(SINCE);
    ask(OTHER, 'other');
    await clock.advance(5000);
    expect(api.written).toEqual(['a', 'b']);
    expect(redeliveriesOf('a')).toEqual([1, 1]);
    expect([statusOf(), statusOf('other')]).toMatchObject([
      { lastHandledRedeliverSince: SINCE, redelivery: { events: 1 } },
      { lastHandledRedeliverSince: OTHER, redelivery: { events: 2 } },
    ]);
  });

  test('of which one asks in the middle of a pass: it gets one of its own', async () => {
    for (const name of ['a', 'b', 'c']) {
      api.put(anEventWith(name, [failedAt('flags'), failedAt('other')]));
    }
    api.onPage = (page) => {
      if (page === 2) ask(OTHER, 'other');
    };
    ask(SINCE);
    await clock.advance(5000);
    expect(['a', 'b', 'c'].map(redeliveriesOf)).toEqual([
      [1, 1],
      [1, 1],
      [1, 1],
    ]);
    expect([statusOf()?.redelivery?.events, statusOf('other')?.redelivery?.events]).toEqual([3, 3]);
  });

  test('of several namespaces do not wait for each other', async () => {
    putFailed('a', 'b', 'c');
    put(anEndpoint({ name: 'far', metadata: { namespace: 'elsewhere' } }));
    api.put(anEventWith('x', [failedAt('far')], { namespace: 'elsewhere' }));
    api.onWrite = (name) => (name === 'x' ? undefined : 'failed');
    ask(SINCE);
    ask(SINCE, 'far');
    await clock.advance(1000);
    expect(api.written).toEqual(['x']);
    expect(statusOf('far')?.lastHandledRedeliverSince).toBe(SINCE);
    expect(statusOf()?.lastHandledRedeliverSince).toBeUndefined();
  });
});
