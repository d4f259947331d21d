import { describe, expect, test } from '@jest/globals';
import { expiresAt, isLeftAlone } from '../../src/delivery/timeToLive.ts';
import { aFinishedEvent, COMPLETED, type FinishedOptions } from '../support/finishedEvents.ts';

const DEFAULTS = { ttlSucceededSeconds: 100, ttlFailedSeconds: 700 };
const FOR_EVER = { ttlSucceededSeconds: -1, ttlFailedSeconds: -1 };

describe('the time to live of an event', () => {
  test.each<[what: string, event: FinishedOptions, defaults: typeof DEFAULTS, seconds: number]>([
    ['that succeeded is the default for that', {}, DEFAULTS, 100],
    ['that failed is the default for that', { succeeded: 'False' }, DEFAULTS, 700],
    ['of which that is not known is as of one that succeeded', { succeeded: 'Unknown' }, DEFAULTS, 100],
    ['that says so is what it says', { ttl: 5 }, DEFAULTS, 5],
    ['that failed and says so is what it says', { ttl: 5, succeeded: 'False' }, DEFAULTS, 5],
    ['that says so is what it says, whatever the defaults', { ttl: 5 }, FOR_EVER, 5],
    ['that says 0 is none', { ttl: 0 }, DEFAULTS, 0],
    ['that says -1 has no end', { ttl: -1 }, DEFAULTS, Infinity],
    ['that failed and says -1 has no end', { ttl: -1, succeeded: 'False' }, DEFAULTS, Infinity],
    ['that says the most is just that', { ttl: 2 ** 31 - 1 }, DEFAULTS, 2 ** 31 - 1],
    ['has no end where the default is -1', {}, FOR_EVER, Infinity],
    ['that failed has no end where the default is -1', { succeeded: 'False' }, FOR_EVER, Infinity],
    ['is over at once where the default is 0', {}, { ...DEFAULTS, ttlSucceededSeconds: 0 }, 0],
  ])('%s', (_, event, defaults, seconds) => {
    expect(expiresAt(aFinishedEvent(event), defaults)).toBe(Date.parse(COMPLETED) + seconds * 1000);
  });

  test('does not begin before it has finished', () => {
    expect(expiresAt(aFinishedEvent({ completionTime: null, ttl: 0 }), DEFAULTS)).toBe(Infinity);
    expect(expiresAt({ ...aFinishedEvent({ ttl: 0 }), status: undefined }, DEFAULTS)).toBe(Infinity);
  });

  test('does not begin before it was created, whatever clock has said that it finished', () => {
    const event = aFinishedEvent({ completionTime: '2001-01-01T00:00:00Z' });
    expect(expiresAt(event, DEFAULTS)).toBe(Date.parse('2026-11-25T00:01:40Z'));
  });

  test('of one without conditions is as of one that succeeded', () => {
    const event = aFinishedEvent();
    expect(expiresAt({ ...event, status: { completionTime: COMPLETED } }, DEFAULTS)).toBe(
      Date.parse(COMPLETED) + 100_000,
    );
  });
});

describe('an event that has finished', () => {
  const label = (value: string) => ({ labels: { 'flagpost.dev/redeliver': value, team: 'shop' } });
  test.each<[what: string, event: FinishedOptions, alone: boolean]>([
    ['with nothing particular is not', {}, false],
    ['with another label is not', { metadata: { labels: { team: 'shop' } } }, false],
    ['that is being deleted is', { metadata: { deletionTimestamp: COMPLETED } }, true],
    ['that is to be sent again is', { metadata: label('1764000000') }, true],
    ['whose label was handled is not', { metadata: label('17'), lastHandledRedeliver: '17' }, false],
    ['whose label has got another value is', { metadata: label('18'), lastHandledRedeliver: '17' }, true],
    ['whose label has got the empty value is', { metadata: label('') }, true],
  ])('%s left alone', (_, event, alone) => {
    expect(isLeftAlone(aFinishedEvent(event))).toBe(alone);
  });

  test('whose label was handled and taken away is not left alone', () => {
    expect(isLeftAlone(aFinishedEvent({ lastHandledRedeliver: '17' }))).toBe(false);
  });
});
