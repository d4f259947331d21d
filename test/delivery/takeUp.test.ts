import { describe, expect, test } from '@jest/globals';
import { takeUp, type EndpointView, type TakeUpInput } from '../../src/delivery/takeUp.ts';
import type { EventFacts } from '../../src/delivery/facts.ts';
import { anEndpoint, aView } from '../support/fixtures.ts';

const facts: EventFacts = {
  type: 'FLAG_UPDATED',
  environment: { id: 23, name: 'Development' },
  project: null,
  organisation: null,
  feature: { id: 7168, name: 'butter_bar' },
  action: 'Updated',
};

function views(count: number): EndpointView[] {
  return Array.from({ length: count }, (_, index) => aView(`e${index}`));
}

function decide(changes: Partial<TakeUpInput>) {
  return takeUp({
    prepared: { ok: true, facts, storedBytes: 1600 },
    labels: {},
    known: [],
    begun: false,
    storeIsCurrent: true,
    recording: true,
    ...changes,
  });
}

const auditOnly = aView('audit', { spec: anEndpoint({ spec: { eventTypes: ['AUDIT_LOG'] } }).spec });

describe('before the fence has answered', () => {
  test('requests may go to the endpoints that the store knows and that match', () => {
    const known = [aView('a'), auditOnly, aView('b', { deleting: true })];
    expect(decide({ known })).toEqual({ kind: 'open', endpoints: [known[0]], listed: false, mayBegin: true });
  });

  test('nothing ends for want of an endpoint: the fence may find one', () => {
    expect(decide({ known: [] })).toMatchObject({ kind: 'open', endpoints: [], listed: false });
  });

  test.each<[why: string, changes: Partial<TakeUpInput>, mayBegin: boolean]>([
    ['900 endpoints', { known: views(900) }, true],
    ['more than 900 endpoints, since the fence may find too many', { known: views(901) }, false],
    [
      'status writes that fail, since nothing could be recorded',
      { known: views(1), recording: false },
      false,
    ],
    ['a store that does not follow', { known: views(1), storeIsCurrent: false }, false],
    [
      'an event that fits with any number of endpoints',
      { known: views(1), prepared: { ok: true, facts, storedBytes: 600_000 } },
      true,
    ],
    [
      'an event that the list could make too large',
      { known: views(1), prepared: { ok: true, facts, storedBytes: 600_001 } },
      false,
    ],
  ])('with %s', (_why, changes, mayBegin) => {
    expect(decide(changes)).toMatchObject({ kind: 'open', listed: false, mayBegin });
  });
});

describe('once the fence has answered', () => {
  test('its endpoints make the list, whatever the store knows', () => {
    const fenced = [aView('b'), auditOnly];
    expect(decide({ known: [aView('a')], fenced })).toEqual({
      kind: 'open',
      endpoints: [fenced[0]],
      listed: true,
      mayBegin: true,
    });
  });

  test('while nothing can be recorded the list is made, and nothing is sent', () => {
    expect(decide({ fenced: views(1), recording: false })).toMatchObject({ listed: true, mayBegin: false });
  });

  test.each<[what: string, changes: Partial<TakeUpInput>, reason: string | undefined]>([
    ['no endpoint', { fenced: [] }, 'NoMatchingEndpoint'],
    ['none that matches', { fenced: [auditOnly] }, 'NoMatchingEndpoint'],
    ['none any more, and a request was begun', { fenced: [], begun: true }, undefined],
    ['1,000 endpoints', { fenced: views(1000) }, undefined],
    ['1,001 endpoints', { fenced: views(1001) }, 'TooManyEndpoints'],
    [
      'a size that just fits',
      { fenced: views(2), prepared: { ok: true, facts, storedBytes: 1_398_400 } },
      undefined,
    ],
    [
      'a size that just does not fit',
      { fenced: views(2), prepared: { ok: true, facts, storedBytes: 1_398_401 } },
      'PayloadTooLarge',
    ],
    [
      'too many endpoints and too large a size: the endpoints come first',
      { fenced: views(1001), prepared: { ok: true, facts, storedBytes: 1_399_999 } },
      'TooManyEndpoints',
    ],
  ])('%s', (_what, changes, reason) => {
    const decision = decide(changes);
    expect(decision.kind === 'ended' ? decision.reason : undefined).toBe(reason);
  });
});

test('a payload that was refused ends the event before anything else is asked', () => {
  const prepared = { ok: false, reason: 'InvalidPayload', message: 'too deep' } as const;
  expect(decide({ prepared, fenced: [] })).toEqual({
    kind: 'ended',
    reason: 'InvalidPayload',
    message: 'too deep',
  });
});
