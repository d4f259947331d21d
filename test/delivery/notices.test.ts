import { describe, expect, test } from '@jest/globals';
import type { Condition } from '../../src/api/condition.ts';
import type { Delivery, FlagEventStatus } from '../../src/api/flagEvent.ts';
import type { WebhookEndpointStatus } from '../../src/api/webhookEndpoint.ts';
import { endedStatus, eventStatus } from '../../src/delivery/eventStatus.ts';
import { endpointNotices, eventNotices } from '../../src/delivery/notices.ts';
import type { Verdict } from '../../src/delivery/takeUp.ts';
import { aDelivery, anEvent } from '../support/fixtures.ts';

const NOW = Date.parse('2026-11-25T12:00:00Z');

const told = (before: FlagEventStatus | undefined, now: FlagEventStatus) =>
  eventNotices(before, now).map(({ type, reason, action }) => `${type} ${reason} ${action}`);
const notesOf = (before: FlagEventStatus | undefined, now: FlagEventStatus) =>
  eventNotices(before, now).map(({ note }) => note);
const withDeliveries = (...deliveries: Delivery[]) => eventStatus(anEvent(), deliveries, NOW);
const to = (endpointName: string, state: Delivery['state'] = 'Pending', reason = 'Timeout') =>
  aDelivery({ endpointName, state, reason, message: `why ${endpointName}.` });

describe('of an event', () => {
  test.each<[reason: Verdict, type: string]>([
    ['NoMatchingEndpoint', 'Normal'],
    ['InvalidPayload', 'Warning'],
    ['PayloadTooLarge', 'Warning'],
    ['TooManyEndpoints', 'Warning'],
  ])('that ends with %s a %s notice is told, once', (reason, type) => {
    const ended = endedStatus(anEvent(), reason, 'What to do.', NOW);
    expect(eventNotices({ observedGeneration: -1 }, ended)).toEqual([
      { type, reason, action: 'TakeUp', note: 'What to do.' },
    ]);
    expect(eventNotices(ended, ended)).toEqual([]);
  });

  test('that ends because its status is too large, after deliveries had been written, it is told too', () => {
    const ended = endedStatus(anEvent(), 'PayloadTooLarge', 'What to do.', NOW);
    expect(told(withDeliveries(to('a')), ended)).toEqual(['Warning PayloadTooLarge TakeUp']);
  });

  test.each<[what: string, before: FlagEventStatus | undefined, now: FlagEventStatus]>([
    ['that is taken up', undefined, withDeliveries(to('a'))],
    ['whose attempt failed', withDeliveries(to('a')), withDeliveries(to('a'))],
    [
      'that waits',
      withDeliveries(to('a')),
      withDeliveries(to('a', 'Pending', 'CircuitOpen'), to('b', 'Pending', 'SecretNotReady')),
    ],
    ['that was delivered', withDeliveries(to('a')), withDeliveries(to('a', 'Succeeded', 'Delivered'))],
    [
      'whose endpoint was deleted',
      withDeliveries(to('a')),
      withDeliveries(to('a', 'Canceled', 'EndpointDeleted')),
    ],
    [
      'that is written again with the same failure',
      withDeliveries(to('a', 'Failed'), to('b')),
      withDeliveries(to('a', 'Failed'), to('b', 'Succeeded', 'Delivered')),
    ],
  ])('%s nothing is told', (_what, before, now) => {
    expect(told(before, now)).toEqual([]);
  });

  test.each<[what: string, before: FlagEventStatus | undefined, now: FlagEventStatus, note: string]>([
    [
      'at the first write',
      undefined,
      withDeliveries(to('a', 'Failed')),
      '1 delivery failed: a (Timeout). why a.',
    ],
    [
      'that was pending',
      withDeliveries(to('a')),
      withDeliveries(to('a', 'Failed', 'BadStatus')),
      '1 delivery failed: a (BadStatus). why a.',
    ],
    [
      'beside one that had failed before',
      withDeliveries(to('a', 'Failed'), to('b')),
      withDeliveries(to('a', 'Failed'), to('b', 'Failed', 'Suspended')),
      '1 delivery failed: b (Suspended). why b.',
    ],
    [
      'again after it was started over',
      withDeliveries(to('a')),
      withDeliveries(to('a', 'Failed')),
      '1 delivery failed: a (Timeout). why a.',
    ],
    [
      'whose message could not be stored',
      undefined,
      withDeliveries({ ...to('a', 'Failed'), message: undefined }),
      '1 delivery failed: a (Timeout).',
    ],
    [
      'with another',
      undefined,
      withDeliveries(to('a', 'Failed'), to('b', 'Failed', 'Gone')),
      '2 deliveries failed: a (Timeout), b (Gone); see status.deliveries.',
    ],
  ])('a delivery that failed %s is told', (_what, before, now, note) => {
    expect(told(before, now)).toEqual(['Warning DeliveryFailed Deliver']);
    expect(notesOf(before, now)).toEqual([note]);
  });

  test('a thousand deliveries that failed together are one notice that names the first', () => {
    const failed = Array.from({ length: 1000 }, (_, index) => to(`e${index}`.padEnd(63, 'x'), 'Failed'));
    const [note = '', ...rest] = notesOf(undefined, withDeliveries(...failed));
    expect(rest).toEqual([]);
    expect(note).toMatch(/^1000 deliveries failed: e0x+ \(Timeout\), .*, e4x+ \(Timeout\) and 995 more; /);
    expect(note.length).toBeLessThanOrEqual(1024);
  });
});

describe('of an endpoint', () => {
  const ready = (status: Condition['status'], reason: string, message = `why ${reason}`) =>
    statusOf({ type: 'Ready', status, reason, message });
  const delivering = (status: Condition['status'], reason: string) =>
    statusOf({ type: 'Delivering', status, reason, message: `why ${reason}` });
  const statusOf = (
    condition: Omit<Condition, 'lastTransitionTime' | 'observedGeneration'>,
    observedGeneration = 1,
  ): WebhookEndpointStatus => ({
    conditions: [{ ...condition, observedGeneration, lastTransitionTime: '2026-11-25T12:00:00.000Z' }],
  });

  test.each<[before: WebhookEndpointStatus | undefined, now: WebhookEndpointStatus, notices: string[]]>([
    [undefined, ready('True', 'Ready'), []],
    [undefined, ready('False', 'SecretNotFound'), ['Warning SecretNotFound Resolve: why SecretNotFound']],
    [
      { observedGeneration: -1 },
      ready('False', 'InvalidURL'),
      ['Warning InvalidURL Resolve: why InvalidURL'],
    ],
    [
      ready('True', 'Ready'),
      ready('False', 'ConfigMapNotFound'),
      ['Warning ConfigMapNotFound Resolve: why ConfigMapNotFound'],
    ],
    [ready('True', 'Ready'), ready('False', 'Gone'), ['Warning Gone Resolve: why Gone']],
    [
      ready('False', 'SecretNotFound'),
      ready('False', 'SecretKeyNotFound'),
      ['Warning SecretKeyNotFound Resolve: why SecretKeyNotFound'],
    ],
    [
      ready('False', 'SecretNotFound', 'the first Secret'),
      ready('False', 'SecretNotFound', 'the second Secret'),
      ['Warning SecretNotFound Resolve: the second Secret'],
    ],
    [ready('False', 'SecretNotFound'), ready('False', 'SecretNotFound'), []],
    [ready('False', 'SecretNotFound'), ready('True', 'Ready'), ['Normal Ready Resolve: why Ready']],
    [
      ready('False', 'SecretNotFound'),
      ready('True', 'Suspended'),
      ['Normal Suspended Resolve: why Suspended'],
    ],
    [ready('True', 'Ready'), ready('True', 'Suspended'), []],
    [ready('True', 'Suspended'), ready('True', 'Ready'), []],
    [undefined, delivering('Unknown', 'NoDeliveries'), []],
    [delivering('Unknown', 'NoDeliveries'), delivering('True', 'Healthy'), []],
    [undefined, delivering('False', 'CircuitOpen'), ['Warning CircuitOpen Deliver: why CircuitOpen']],
    [
      delivering('True', 'Healthy'),
      delivering('False', 'CircuitOpen'),
      ['Warning CircuitOpen Deliver: why CircuitOpen'],
    ],
    [delivering('False', 'CircuitOpen'), delivering('False', 'CircuitOpen'), []],
    ...(['Healthy', 'NoDeliveries'] as const).map(
      (reason): [WebhookEndpointStatus, WebhookEndpointStatus, string[]] => [
        delivering('False', 'CircuitOpen'),
        delivering('True', reason),
        ['Normal CircuitClosed Deliver: The circuit has closed; deliveries wait for it no longer.'],
      ],
    ),
  ])('case %#', (before, now, notices) => {
    expect(
      endpointNotices(before, now).map(
        ({ type, reason, action, note }) => `${type} ${reason} ${action}: ${note}`,
      ),
    ).toEqual(notices);
  });

  test('a new generation with the same conditions tells nothing', () => {
    const condition = { type: 'Ready', status: 'False', reason: 'InvalidURL', message: 'why' } as const;
    expect(endpointNotices(statusOf(condition, 1), statusOf(condition, 2))).toEqual([]);
  });

  test('what is wrong is told together with the circuit', () => {
    const conditions = [ready('False', 'Gone'), delivering('False', 'CircuitOpen')].flatMap(
      (status) => status.conditions ?? [],
    );
    expect(endpointNotices(undefined, { conditions }).map(({ reason }) => reason)).toEqual([
      'Gone',
      'CircuitOpen',
    ]);
  });

  test.each([
    ['more than printable ASCII', 'caf\u00e9\n\u001b[31m', 'caf???[31m'],
    ['more than 1,024 characters', 'x'.repeat(1025), `${'x'.repeat(1021)}...`],
    ['1,024 characters', 'x'.repeat(1024), 'x'.repeat(1024)],
  ])('a message with %s becomes a note that an Event may have', (_what, message, note) => {
    expect(endpointNotices(undefined, ready('False', 'InvalidURL', message))).toMatchObject([{ note }]);
  });
});
