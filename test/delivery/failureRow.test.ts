import { describe, expect, test } from '@jest/globals';
import { classify, type AttemptResult } from '../../src/delivery/classify.ts';
import { countFailures } from '../../src/delivery/failureRow.ts';

const answered = (statusCode: number): AttemptResult => ({
  kind: 'answered',
  statusCode,
  durationMilliseconds: 1,
});
const failed: AttemptResult = { kind: 'failed', failure: 'Timeout' };

describe('countFailures', () => {
  test.each([
    ['a failure begins a row', 0, failed, 1],
    ['a failure makes it longer', 4, failed, 5],
    ['so does a bad status', 4, answered(503), 5],
    ['and a redirect', 4, answered(302), 5],
    ['a success ends it', 4, answered(204), 0],
    ['a status about one event ends it too', 4, answered(422), 0],
  ])('%s', (_name, before, result, want) => {
    expect(countFailures(before, classify(result))).toBe(want);
  });
});
