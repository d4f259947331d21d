import { expect, test } from '@jest/globals';
import { mayBeTried, tellsOf, waitingFor } from '../../src/delivery/waiting.ts';
import type { WaitingReason } from '../../src/api/reasons.ts';
import type { EndpointView } from '../../src/delivery/takeUp.ts';
import { anEndpoint, aView } from '../support/fixtures.ts';

test.each<[what: string, view: Partial<EndpointView>, may: boolean]>([
  ['can be used', {}, true],
  // It is the probe.
  ['has its circuit open', { stoppedBy: 'circuit' }, true],
  ['is gone', { stoppedBy: 'gone' }, false],
  ['is suspended', { spec: anEndpoint({ spec: { suspend: true } }).spec }, false],
  ['lacks a Secret', { usability: { reason: 'SecretNotFound', message: '' } }, false],
  ['was not read yet', { usability: 'unknown' }, false],
])('an attempt that has got its turn, to an endpoint that %s', (_what, view, may) => {
  expect(mayBeTried(aView('a', view))).toBe(may);
});

const suspended = anEndpoint({ spec: { suspend: true } }).spec;

test.each<
  [
    what: string,
    view: Partial<EndpointView>,
    isDue: boolean,
    isHeld: boolean,
    reason: WaitingReason | 'nothing',
  ]
>([
  ['nothing stands in its way', {}, true, false, 'nothing'],
  ['another event goes first', {}, true, true, 'WaitingForEarlier'],
  ['another event goes first, but it is in its backoff', {}, false, true, 'nothing'],
  ['another event goes first, and the circuit is open', { stoppedBy: 'circuit' }, true, true, 'CircuitOpen'],
  [
    'another event goes first, and a Secret is missing',
    { usability: { reason: 'SecretNotFound', message: '' } },
    true,
    true,
    'SecretNotReady',
  ],
  ['another event goes first, and the endpoint is suspended', { spec: suspended }, false, true, 'Suspended'],
])('what a delivery waits for where %s', (_what, view, isDue, isHeld, reason) => {
  expect(waitingFor(aView('a', view), isDue, isHeld)?.reason ?? 'nothing').toBe(reason);
});

test.each<[told: string | undefined, reason: WaitingReason, tells: boolean]>([
  ['Suspended', 'Suspended', true],
  ['WaitingForEarlier', 'WaitingForEarlier', true],
  ['CircuitOpen', 'WaitingForEarlier', true],
  ['WaitingForEarlier', 'CircuitOpen', false],
  ['Suspended', 'WaitingForEarlier', false],
  ['CircuitOpen', 'Suspended', false],
  ['BadStatus', 'WaitingForEarlier', false],
  [undefined, 'WaitingForEarlier', false],
])('a delivery that says %s and waits with %s', (told, reason, tells) => {
  expect(tellsOf(told, { reason, message: '' })).toBe(tells);
});
