import { expect, test } from '@jest/globals';
import { mayBeTried } from '../../src/delivery/waiting.ts';
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
