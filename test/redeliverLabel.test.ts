import { expect, test } from '@jest/globals';
import { REDELIVER_LABEL } from '../src/delivery/redeliver.ts';
import { redeliverLabel } from '../src/redeliverLabel.ts';
import type { Change } from '../src/runtime/store.ts';
import { anEvent } from './support/fixtures.ts';

const labelled = (value: string) =>
  anEvent({ metadata: { labels: { [REDELIVER_LABEL]: value, team: 'shop' } } });

test.each<
  [what: string, change: Change<{ metadata: ReturnType<typeof labelled>['metadata'] }>, shown: number]
>([
  ['a label that is new', { type: 'added', object: labelled('1') }, 1],
  ['another value of it', { type: 'updated', previous: labelled('1'), object: labelled('2') }, 1],
  ['another change of the event', { type: 'updated', previous: labelled('1'), object: labelled('1') }, 0],
  ['an event that is gone', { type: 'deleted', object: labelled('1') }, 0],
])('%s is told, or not', (_what, change, count) => {
  const shown: string[] = [];
  const client = {
    listWatch: () => {
      throw new Error('nothing is to be asked for');
    },
  };
  redeliverLabel(client, ({ metadata }) => shown.push(metadata.name)).onChange(change);
  expect(shown).toHaveLength(count);
});
