import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Notice } from '../../src/api/notice.ts';
import { EventRecorder } from '../../src/kube/eventRecorder.ts';
import type { KubernetesEvent } from '../../src/kube/kubernetesEvent.ts';
import { WEBHOOK_ENDPOINTS } from '../../src/kube/resources.ts';
import { ApiError } from '../../src/runtime/apiError.ts';
import { FakeClock } from '../support/fakeClock.ts';
import { uid } from '../support/fixtures.ts';
import { aGate, type Gate } from '../support/gate.ts';

interface Series {
  readonly count: number;
  readonly lastObservedTime: string;
}
interface Call {
  readonly verb: 'create' | 'patch';
  readonly namespace: string;
  readonly name: string;
  readonly series: Series | undefined;
  /** What a create carries. */
  readonly event?: KubernetesEvent;
  readonly at: number;
}

const MINUTE = 60_000;
const NOTICE: Notice = { type: 'Warning', reason: 'CircuitOpen', action: 'Deliver', note: 'why' };

let clock: FakeClock;
let calls: Call[];
/** What the next calls fail with, then all go through; `lost` is taken in before it fails. */
let faults: (Error | 'lost' | undefined)[];
let failsWith: Error | undefined;
/** Holds every call, where there is one. */
let gate: Gate | undefined;
let stored: Map<string, Series | undefined>;
let refusals: [message: string, count: number][];
let recorder: EventRecorder;

beforeEach(() => {
  clock = new FakeClock('2026-11-25T12:00:00Z');
  calls = [];
  faults = [];
  failsWith = undefined;
  gate = undefined;
  stored = new Map();
  refusals = [];
  let chance = 0;
  recorder = new EventRecorder({
    client: {
      create: async (namespace, object, signal) => {
        const event = object as unknown as KubernetesEvent & { series?: Series };
        const { name } = event.metadata;
        await answer({ verb: 'create', namespace, name, series: event.series, event, at: 0 }, signal, () => {
          if (stored.has(name)) throw new ApiError(409, 'AlreadyExists', 'there');
          stored.set(name, event.series);
        });
      },
      patch: async (namespace, name, changes, signal) => {
        const { series } = changes as { series: Series };
        await answer({ verb: 'patch', namespace, name, series, at: 0 }, signal, () => {
          if (!stored.has(name)) throw new ApiError(404, 'NotFound', 'not there');
          stored.set(name, series);
        });
      },
    },
    instance: 'flagpost-host',
    clock,
    random: () => (chance += 1) / 10_000_000,
    onRefused: (error, count) => refusals.push([(error as Error).message, count]),
  });
});

async function answer(call: Call, signal: AbortSignal, takeIn: () => void): Promise<void> {
  calls.push({ ...call, at: clock.monotonic() });
  signal.throwIfAborted();
  if (gate) {
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error));
    });
    await Promise.race([gate.opened, aborted]);
  }
  const fault = faults.shift() ?? failsWith;
  if (fault instanceof Error) throw fault;
  takeIn();
  if (fault === 'lost') throw new Error('no answer');
}

const record = (name = 'flag-cache', notice: Partial<Notice> = {}, namespace = 'shop') =>
  recorder.about(WEBHOOK_ENDPOINTS)({ metadata: { namespace, name, uid: uid(`${namespace}-${name}`) } }, [
    { ...NOTICE, ...notice },
  ]);
const lines = () =>
  calls.map(({ verb, series }) => (series === undefined ? verb : `${verb} x${series.count}`));
const denied = () => new ApiError(403, 'Forbidden', 'denied');

describe('a notice', () => {
  test('becomes an Event in the namespace of the object', async () => {
    record();
    await clock.advance(0);
    expect(calls).toMatchObject([
      {
        verb: 'create',
        namespace: 'shop',
        event: {
          ...NOTICE,
          reportingInstance: 'flagpost-host',
          regarding: { kind: 'WebhookEndpoint', name: 'flag-cache', uid: 'shop-flag-cache' },
        },
      },
    ]);
    expect(calls[0]?.event).not.toHaveProperty('series');
  });

  test('keeps nobody waiting', () => {
    gate = aGate();
    for (let index = 0; index < 5000; index += 1) record(`endpoint-${index}`);
    expect(calls.length).toBeLessThanOrEqual(1);
  });

  test('that says something else, or is about another object, is an Event of its own', async () => {
    record();
    record('flag-cache', { note: 'why else' });
    record('flag-cache', { reason: 'CircuitClosed' });
    record('other');
    await clock.advance(0);
    expect(lines()).toEqual(['create', 'create', 'create', 'create']);
    expect(new Set(calls.map(({ name }) => name)).size).toBe(4);
  });
});

describe('a notice that repeats', () => {
  test('is one Event whose series is written at once, then every 6 minutes, and at last not at all', async () => {
    record();
    await clock.advance(1000);
    record();
    await clock.advance(0);
    expect(lines()).toEqual(['create', 'patch x2']);
    expect(calls[1]).toMatchObject({
      name: calls[0]?.name,
      series: { lastObservedTime: '2026-11-25T12:00:01.000000Z' },
    });
    for (let index = 0; index < 10; index += 1) {
      await clock.advance(1000);
      record();
    }
    await clock.advance(0);
    expect(lines()).toHaveLength(2);
    await clock.advance(6 * MINUTE);
    expect(lines().slice(2)).toEqual(['patch x12']);
    expect(calls[2]?.series?.lastObservedTime).toBe('2026-11-25T12:00:11.000000Z');
    await clock.advance(24 * 60 * MINUTE);
    expect(lines()).toHaveLength(3);
    expect(clock.timers).toBe(0);
  });

  test('and does not end is written once in 6 minutes', async () => {
    for (let second = 0; second < 3600; second += 1) {
      record();
      await clock.advance(1000);
    }
    expect(calls.length).toBeLessThanOrEqual(2 + 10);
    expect(calls.at(-1)?.series?.count).toBeGreaterThan(3200);
    expect(stored.size).toBe(1);
  });

  test('before it was written is created with its series', async () => {
    for (let index = 0; index < 25; index += 1) record('flag-cache', {}, `namespace-${index}`);
    await clock.advance(0);
    calls.length = 0;
    record();
    record();
    record();
    await clock.advance(1000);
    expect(lines()).toEqual(['create x3']);
  });

  test('while it is being written is patched after that', async () => {
    gate = aGate();
    record();
    await clock.advance(0);
    record();
    gate.open();
    await clock.advance(0);
    expect(lines()).toEqual(['create', 'patch x2']);
  });

  test('after its series has ended is a new Event', async () => {
    record();
    await clock.advance(13 * MINUTE);
    record();
    await clock.advance(0);
    expect(lines()).toEqual(['create', 'create']);
    expect(stored.size).toBe(2);
  });

  test('whose Event was deleted is created again, with its series', async () => {
    record();
    await clock.advance(0);
    stored.clear();
    record();
    await clock.advance(0);
    expect(lines()).toEqual(['create', 'patch x2', 'create x2']);
    expect([...stored.values()]).toMatchObject([{ count: 2 }]);
  });
});

describe('the rate', () => {
  test('of one object is 25 at once, then one in 5 minutes', async () => {
    const recordMany = () => {
      for (let index = 0; index < 50; index += 1) record('noisy', { note: `${index} at ${clock.now()}` });
    };
    recordMany();
    record('quiet');
    await clock.advance(5 * MINUTE);
    expect(calls).toHaveLength(26);
    recordMany();
    await clock.advance(1 * MINUTE);
    expect(calls).toHaveLength(27);
  });

  test('of a namespace is 100 at once, then one a second', async () => {
    for (let index = 0; index < 1000; index += 1) record(`endpoint-${index}`);
    await clock.advance(60_000);
    expect(calls).toHaveLength(100);
    for (let index = 1000; index < 2000; index += 1) record(`endpoint-${index}`);
    await clock.advance(60_000);
    expect(calls).toHaveLength(160);
  });

  test('of all together is 25 at once, then 5 a second', async () => {
    for (let index = 0; index < 100; index += 1) record('flag-cache', {}, `namespace-${index}`);
    await clock.advance(0);
    expect(calls).toHaveLength(25);
    await clock.advance(2000);
    expect(calls).toHaveLength(35);
    await clock.advance(60_000);
    expect(calls).toHaveLength(100);
  });

  test('that is left goes round by namespace', async () => {
    for (let index = 0; index < 100; index += 1) record(`endpoint-${index}`);
    record('flag-cache', {}, 'other');
    await clock.advance(0);
    expect(calls.slice(0, 3).map(({ namespace }) => namespace)).toContain('other');
  });
});

describe('at most 1,000 are kept', () => {
  const recordSome = async (from: number, to: number, pause = 0) => {
    for (let index = from; index < to; index += 1) {
      record('flag-cache', {}, `namespace-${index}`);
      await clock.advance(pause);
    }
  };

  test('of those that were not written yet the last ones', async () => {
    gate = aGate();
    await recordSome(0, 3000);
    gate.open();
    await clock.advance(5 * MINUTE);
    expect(calls).toHaveLength(1 + 1000);
    expect(calls.map(({ namespace }) => namespace)).toContain('namespace-2999');
  });

  test('of those that were written the last ones', async () => {
    await recordSome(0, 500, 200);
    await recordSome(0, 1, 200);
    await recordSome(500, 1100, 200);
    calls.length = 0;
    await recordSome(0, 2);
    await clock.advance(1000);
    expect(calls.map(({ verb, namespace }) => `${verb} ${namespace}`)).toEqual(['create namespace-1']);
    await recordSome(1099, 1100);
    await clock.advance(1000);
    expect(calls.at(-1)).toMatchObject({ verb: 'patch', namespace: 'namespace-1099' });
  });
});

describe('a write that fails', () => {
  test.each<[what: string, error: () => Error]>([
    ['without an answer', () => new Error('no answer')],
    ['for too many requests', () => new ApiError(429, 'TooManyRequests', 'later')],
    ['for the API server', () => new ApiError(503, 'ServiceUnavailable', 'later')],
  ])('%s is tried again after 10 s, and others meanwhile', async (_what, error) => {
    faults = [error()];
    record();
    record('other');
    await clock.advance(9999);
    expect(lines()).toEqual(['create', 'create']);
    await clock.advance(1);
    expect(lines()).toEqual(['create', 'create', 'create']);
    expect(stored.size).toBe(2);
    expect(refusals).toEqual([]);
  });

  test('again and again is dropped after 12 times', async () => {
    failsWith = new ApiError(503, 'ServiceUnavailable', 'later');
    record();
    await clock.advance(60 * MINUTE);
    expect(calls).toHaveLength(12);
    expect(refusals).toEqual([['later', 1]]);
    expect(clock.timers).toBe(0);
  });

  test('only after it was taken in is no second Event', async () => {
    faults = ['lost'];
    record();
    await clock.advance(10_000);
    expect(lines()).toEqual(['create', 'create']);
    expect(stored.size).toBe(1);
    expect(refusals).toEqual([]);
    record();
    await clock.advance(0);
    expect(lines().at(-1)).toBe('patch x2');
  });

  test.each<[what: string, error: () => Error]>([
    ['because the operator may not', denied],
    ['because it is invalid', () => new ApiError(422, 'Invalid', 'invalid')],
  ])('%s is dropped, and told', async (_what, error) => {
    failsWith = error();
    record();
    await clock.advance(60 * MINUTE);
    expect(calls).toHaveLength(1);
    expect(refusals).toEqual([[failsWith.message, 1]]);
  });

  test('is told once in 5 minutes, with how many there were', async () => {
    failsWith = denied();
    for (let index = 0; index < 10; index += 1) record(`endpoint-${index}`);
    await clock.advance(MINUTE);
    expect(refusals).toEqual([['denied', 1]]);
    await clock.advance(4 * MINUTE);
    record('last');
    await clock.advance(0);
    expect(refusals).toEqual([
      ['denied', 1],
      ['denied', 10],
    ]);
  });

  test.each([
    [403, 'Forbidden', 'unable to create new content in namespace shop because it is being terminated'],
    [404, 'NotFound', 'namespaces "shop" not found'],
  ])('as its namespace is being deleted (%d), nobody complains', async (status, reason, message) => {
    failsWith = new ApiError(status, reason, message);
    record();
    await clock.advance(MINUTE);
    expect(refusals).toEqual([]);
    expect(calls).toHaveLength(1);
  });

  test('and was dropped is an Event the next time', async () => {
    faults = [denied()];
    record();
    await clock.advance(0);
    record();
    await clock.advance(0);
    expect(lines()).toEqual(['create', 'create']);
    expect(stored.size).toBe(1);
  });
});

describe('once it stops', () => {
  test('what is left is written first, counts too', async () => {
    for (let index = 0; index < 5; index += 1) {
      record();
      await clock.advance(0);
    }
    record('other');
    await recorder.stop();
    expect(lines()).toEqual(['create', 'patch x2', 'create', 'patch x5']);
    expect(clock.timers).toBe(0);
  });

  test('it takes a second at most', async () => {
    gate = aGate();
    record();
    let stopped = false;
    const stop = recorder.stop().then(() => (stopped = true));
    await clock.advance(999);
    expect(stopped).toBe(false);
    await clock.advance(1);
    await stop;
    expect(stored.size).toBe(0);
    expect(clock.timers).toBe(0);
  });

  test('nothing is taken or tried again', async () => {
    faults = [new Error('no answer')];
    record();
    await clock.advance(0);
    await recorder.stop();
    const before = calls.length;
    record('late');
    await clock.advance(60 * MINUTE);
    expect(calls).toHaveLength(before);
    expect(clock.timers).toBe(0);
  });
});
