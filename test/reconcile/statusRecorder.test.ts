import { beforeEach, describe, expect, test } from '@jest/globals';
import type { FlagEvent, FlagEventStatus } from '../../src/api/flagEvent.ts';
import { eventStatus } from '../../src/delivery/eventStatus.ts';
import { StatusRecorder, type StatusRecorderOptions } from '../../src/reconcile/statusRecorder.ts';
import { ApiError } from '../../src/runtime/apiError.ts';
import { FakeClock } from '../support/fakeClock.ts';
import { aDelivery, anEvent } from '../support/fixtures.ts';

type Refusal = ReturnType<StatusRecorderOptions['refusalOf']>;

class WriteError extends Error {
  readonly refusal: Refusal;
  constructor(refusal: Refusal) {
    super(refusal);
    this.refusal = refusal;
  }
}

const event = anEvent();
let clock = new FakeClock();
const status = eventStatus(event, [aDelivery({ reason: 'Timeout', message: 'words' })], clock.now());
let answers: (Refusal | 'ok' | ApiError)[];
let writes: FlagEventStatus[];
let recoveries: number;
let errors: unknown[];
let told: string[];
let finished: FlagEvent[];
let maybeFinished: string[];
let recorder: StatusRecorder;

beforeEach(() => {
  clock = new FakeClock();
  answers = [];
  writes = [];
  recoveries = 0;
  errors = [];
  told = [];
  finished = [];
  maybeFinished = [];
  recorder = new StatusRecorder({
    replaceStatus: async (before: FlagEvent, wanted) => {
      writes.push(wanted);
      const answer = answers.shift() ?? 'ok';
      if (answer !== 'ok') throw answer instanceof ApiError ? answer : new WriteError(answer);
      return { ...before, metadata: { ...before.metadata, labels: { team: 'shop' } }, status: wanted };
    },
    refusalOf: (error) => (error instanceof WriteError ? error.refusal : 'other'),
    onRecovered: () => (recoveries += 1),
    onFinished: async (written) => void finished.push(written),
    onMaybeFinished: ({ metadata }) => maybeFinished.push(metadata.name),
    onError: (_event, error) => errors.push(error),
    notify: ({ metadata }, notices) => {
      for (const { reason } of notices) told.push(`${metadata.name} ${reason}`);
    },
    clock,
  });
});

const write = (...then: (Refusal | 'ok')[]) => {
  answers = then;
  return recorder.write(event, status);
};

describe('recording', () => {
  test('is not known to work before a write has succeeded', async () => {
    expect(recorder.isRecording('shop')).toBe(false);
    await write('ok');
    expect(recorder.isRecording('shop')).toBe(true);
  });

  test.each<[answers: (Refusal | 'ok')[], result: string, recording: boolean]>([
    [['ok'], 'written', true],
    [['conflict'], 'conflict', true],
    [['gone'], 'gone', true],
    [['invalid', 'invalid', 'invalid'], 'refused', true],
    [['too large', 'too large', 'too large'], 'refused', true],
    [['too large', 'ok'], 'written', true],
    [['other'], 'failed', false],
    [['forbidden'], 'failed', false],
    [['too large', 'other'], 'failed', false],
  ])('after writes answered %j the result is %s, and it works: %p', async (then, result, recording) => {
    await write('ok');
    expect(await write(...then)).toBe(result);
    expect(recorder.isRecording('shop')).toBe(recording);
  });

  test.each<[answer: Refusal]>([['conflict'], ['gone'], ['invalid']])(
    'what says nothing about other objects (%s) does not make it work either',
    async (answer) => {
      await write('ok');
      await write('other');
      await write(answer, answer, answer);
      expect(recorder.isRecording('shop')).toBe(false);
      await write('ok');
      expect(recorder.isRecording('shop')).toBe(true);
    },
  );

  test('is told to have recovered once, and only after failures', async () => {
    await write('ok');
    await write('conflict');
    await write('ok');
    expect(recoveries).toBe(0);
    await write('other');
    await write('other');
    await write('ok');
    await write('ok');
    expect(recoveries).toBe(1);
  });

  test.each<[answers: (Refusal | 'ok')[], errors: number]>([
    [['ok'], 0],
    [['conflict'], 0],
    [['gone'], 0],
    [['other'], 1],
    [['too large', 'ok'], 1],
    [['invalid', 'too large', 'invalid'], 3],
  ])('of writes answered %j, %d are errors to tell', async (then, count) => {
    await write(...then);
    expect(errors).toHaveLength(count);
  });
});

describe('people', () => {
  const failed = eventStatus(event, [aDelivery({ state: 'Failed', reason: 'Timeout' })], clock.now());

  test.each<[answers: (Refusal | 'ok')[], notices: string[]]>([
    [['ok'], ['butter-bar DeliveryFailed']],
    [['conflict'], []],
    [['gone'], []],
    [['other'], []],
    [['too large', 'ok'], ['butter-bar DeliveryFailed']],
    [['too large', 'too large', 'ok'], ['butter-bar PayloadTooLarge']],
    [['too large', 'too large', 'too large'], []],
  ])('are told, of a delivery whose writes are answered %j, %j', async (then, notices) => {
    answers = then;
    await recorder.write(event, failed);
    expect(told).toEqual(notices);
  });

  test('are told nothing of what had been written before', async () => {
    await recorder.write({ ...event, status: failed }, failed);
    expect(told).toEqual([]);
  });
});

describe('the backoff', () => {
  const backoff = () => recorder.retryAt('shop') - clock.now();

  /** Fails a write, and those that are tried again after the backoff, so often; gives each backoff. */
  async function fail(times: number): Promise<number[]> {
    const backoffs: number[] = [];
    for (let failure = 0; failure < times; failure += 1) {
      await write('other');
      backoffs.push(backoff());
      await clock.advance(backoff());
    }
    return backoffs;
  }

  test('doubles with each failure, and ends at 30 s', async () => {
    expect(await fail(9)).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
    expect((await fail(2000)).at(-1)).toBe(30_000);
  });

  test('of writes that fail together is one step', async () => {
    for (let failure = 0; failure < 50; failure += 1) await write('other');
    expect(backoff()).toBe(500);
    await clock.advance(499);
    await write('other');
    expect(backoff()).toBe(1);
    await clock.advance(1);
    await write('other');
    expect(backoff()).toBe(1000);
  });

  test('is reset by a write that succeeds', async () => {
    await fail(5);
    await write('ok');
    expect(await fail(2)).toEqual([500, 1000]);
  });

  test('lasts as long as the API server has asked for', async () => {
    const busy = new ApiError(429, 'TooManyRequests', 'later', 7000);
    answers = [busy];
    await recorder.write(event, status);
    expect(backoff()).toBe(7000);
  });

  test('does not grow by what says nothing about other objects', async () => {
    await write('other');
    await write('conflict');
    await write('gone');
    await write('invalid', 'invalid', 'invalid');
    expect(backoff()).toBe(500);
  });
});

describe('a namespace in which nothing may be written', () => {
  const elsewhere = anEvent({ metadata: { namespace: 'elsewhere' } });
  const refused = () => {
    answers = ['forbidden'];
    return recorder.write(elsewhere, status);
  };

  beforeEach(async () => {
    await write('ok');
    await refused();
  });

  test('disturbs no other, and has a backoff of its own', async () => {
    expect([recorder.isRecording('elsewhere'), recorder.isRecording('shop')]).toEqual([false, true]);
    await clock.advance(500);
    await refused();
    expect(recorder.retryAt('elsewhere') - clock.now()).toBe(1000);
    await write('other');
    expect(recorder.retryAt('shop') - clock.now()).toBe(500);
  });

  test('is not tried again because writes succeed in others', async () => {
    await write('ok');
    expect(recoveries).toBe(0);
    expect(recorder.isRecording('elsewhere')).toBe(false);
  });

  test('is one like the others once a write there succeeds', async () => {
    await recorder.write(elsewhere, status);
    expect(recoveries).toBe(1);
    expect(recorder.isRecording('elsewhere')).toBe(true);
  });
});

describe('a status that is refused', () => {
  test('is written without messages, then as the least that ends the event', async () => {
    expect(await write('too large', 'invalid', 'ok')).toBe('written');
    const [whole, silent, least] = writes;
    expect(whole).toBe(status);
    expect(silent).toEqual({ ...status, deliveries: [{ ...status.deliveries?.[0], message: undefined }] });
    expect(least).toMatchObject({
      completionTime: '2026-01-01T00:00:00.000Z',
      delivered: '0/0',
      deliveries: [],
    });
    expect(least?.conditions?.map(({ type, status: value, reason }) => [type, value, reason])).toEqual([
      ['Succeeded', 'False', 'PayloadTooLarge'],
      ['Reconciling', 'False', 'PayloadTooLarge'],
      ['Stalled', 'True', 'PayloadTooLarge'],
    ]);
  });

  test('is not made smaller for another reason', async () => {
    await write('conflict');
    await write('gone');
    await write('other');
    expect(writes).toEqual([status, status, status]);
  });

  test('leaves the status that was handed in as it is', async () => {
    const before = structuredClone(status);
    await write('too large', 'too large', 'too large');
    expect(status).toEqual(before);
  });
});

describe('who is to hear that an event has finished', () => {
  const ended = eventStatus(event, [aDelivery({ state: 'Failed', message: 'words' })], clock.now());
  const labels = { team: 'shop' };

  test('hears of it with the metadata of the write that has finished it', async () => {
    await recorder.write(event, ended);
    expect(finished).toEqual([{ ...event, metadata: { ...event.metadata, labels }, status: ended }]);
  });

  test('hears of one that was written in a smaller form than wanted', async () => {
    await write('too large', 'too large', 'ok');
    expect(finished.map((one) => one.status?.conditions?.[0]?.reason)).toEqual(['PayloadTooLarge']);
  });

  test('hears nothing while it goes on', async () => {
    await write('ok');
    await write('other');
    expect([finished, maybeFinished]).toEqual([[], []]);
  });

  test.each<[answer: Refusal, heard: string[]]>([
    ['other', ['butter-bar']],
    ['conflict', []],
    ['gone', []],
  ])('after a write that was to finish it and failed (%s) hears %j', async (answer, heard) => {
    answers = [answer];
    await recorder.write(event, ended);
    expect({ finished, maybeFinished }).toEqual({ finished: [], maybeFinished: heard });
  });
});
