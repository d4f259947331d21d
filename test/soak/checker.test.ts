import { describe, expect, test } from '@jest/globals';
import { aRun, BEGIN, type RunOptions, type Try } from './aRun.ts';
import { ruleNames, violations } from './checker.ts';

type Case = readonly [what: string, run: RunOptions];

const retry = { initialDelaySeconds: 2, maxDelaySeconds: 8, giveUpAfterSeconds: 60 };
const RETRYING = { endpoint: { retry } };
/** Then one failure ends a delivery. */
const ONE_ATTEMPT = { endpoint: { retry: { ...retry, giveUpAfterSeconds: 0 } } };
const BROKEN = { status: 500 };
const REFUSED = { status: 400 };
const GONE = { status: 410 };

const failing = (...times: readonly number[]): Try[][] => times.map((at) => [{ at, answer: BROKEN }]);
const asking = (retryAfter: string, status = 503): Try[] => [{ at: 0, answer: { status, retryAfter } }];
const lateConditions = aRun({ tries: failing(0) }).endpoints[0]?.status.conditions;

/** For each rule, runs that break it, and runs that nearly do. */
const CASES: Readonly<Record<string, { readonly breaks: readonly Case[]; readonly keeps: readonly Case[] }>> =
  {
    goesToTheUrl: {
      breaks: [
        ['a redirect that is followed', { tries: [[{ at: 0, path: '/redirected' }]] }],
        ['a GET', { tries: [[{ at: 0, method: 'GET' }]] }],
      ],
      keeps: [['one POST', {}]],
    },
    isListed: {
      breaks: [
        ['a request that no event lists', { tries: [[{ at: 0 }, { at: 5000, deliveryID: 'msg_unknown' }]] }],
      ],
      keeps: [['two events with a request each', { tries: [[{ at: 0 }], [{ at: 0 }]] }]],
    },
    hasSignedBody: {
      breaks: [
        ['another body', { tries: [[{ at: 0, body: '{"event": 0}' }]] }],
        ['a wrong signature', { tries: [[{ at: 0, isSigned: false }]] }],
        [
          'another body in the second attempt',
          {
            ...RETRYING,
            tries: [
              [
                { at: 0, answer: BROKEN },
                { at: 2000, body: '{}' },
              ],
            ],
          },
        ],
      ],
      keeps: [
        [
          'the same body in both attempts',
          { ...RETRYING, tries: [[{ at: 0, answer: BROKEN }, { at: 2000 }]] },
        ],
      ],
    },
    hasTimeOfAttempt: {
      breaks: [
        ['a time to come', { tries: [[{ at: 0, timestamp: BEGIN / 1000 + 1 }]] }],
        ['the time of an earlier attempt', { tries: [[{ at: 0, timestamp: BEGIN / 1000 - 2 }]] }],
      ],
      keeps: [['the second in which it began', { tries: [[{ at: 999, timestamp: BEGIN / 1000 }]] }]],
    },
    endsInTime: {
      breaks: [
        [
          'a request that stays open for longer',
          { ...ONE_ATTEMPT, tries: [[{ at: 0, answer: 'hang', lasts: 2600 }]] },
        ],
        [
          'one that is closed long before',
          { ...ONE_ATTEMPT, tries: [[{ at: 0, answer: 'hang', lasts: 1400 }]] },
        ],
        ['an answer that comes later', { tries: [[{ at: 0, lasts: 2600 }]] }],
      ],
      keeps: [
        ['one that is closed by then', { ...ONE_ATTEMPT, tries: [[{ at: 0, answer: 'hang', lasts: 2010 }]] }],
        ['an answer that comes before', { tries: [[{ at: 0, lasts: 1990 }]] }],
      ],
    },
    stopsAtItsEnd: {
      breaks: [
        ['a request after a 2xx', { tries: [[{ at: 0, answer: { status: 204 } }, { at: 9000 }]] }],
        ['a request after a 410', { tries: [[{ at: 0, answer: GONE }, { at: 9000 }]] }],
      ],
      keeps: [['a request after a failure', { tries: [[{ at: 0, answer: { status: 304 } }, { at: 2500 }]] }]],
    },
    isOnceInFlight: {
      breaks: [
        ['an attempt beside another', { tries: [[{ at: 0, answer: BROKEN, lasts: 1900 }, { at: 1800 }]] }],
      ],
      keeps: [
        ['an attempt after another', { tries: [[{ at: 0, answer: BROKEN, lasts: 1900 }, { at: 3600 }]] }],
      ],
    },
    backsOff: {
      breaks: [
        ['a second attempt before 0.8 of the delay', { tries: [[{ at: 0, answer: BROKEN }, { at: 1600 }]] }],
        [
          'a third attempt that does not wait for twice as long',
          {
            tries: [[{ at: 0, answer: BROKEN }, { at: 2000, answer: BROKEN }, { at: 5000 }]],
          },
        ],
        [
          'one too early after a timeout',
          { tries: [[{ at: 0, answer: 'hang', lasts: 2000 }, { at: 3000 }]] },
        ],
      ],
      keeps: [
        ['a second attempt after 0.8 of the delay', { tries: [[{ at: 0, answer: BROKEN }, { at: 1610 }]] }],
        [
          'delays that double up to the longest',
          {
            tries: [
              [
                { at: 0, answer: BROKEN },
                { at: 1610, answer: BROKEN },
                { at: 4820, answer: REFUSED },
                { at: 11_230, answer: BROKEN },
                { at: 17_640 },
              ],
            ],
          },
        ],
      ],
    },
    triesWithinTheWindow: {
      breaks: [
        [
          'an attempt after the window',
          {
            endpoint: { retry: { ...retry, giveUpAfterSeconds: 5 } },
            tries: [[{ at: 0, answer: BROKEN }, { at: 2000, answer: BROKEN }, { at: 6000 }]],
          },
        ],
        [
          'an attempt above maxAttempts',
          {
            endpoint: { retry: { ...retry, maxAttempts: 1 } },
            tries: [[{ at: 0, answer: BROKEN }, { at: 2000 }]],
          },
        ],
        [
          'a second attempt without a window',
          { ...ONE_ATTEMPT, tries: [[{ at: 0, answer: BROKEN }, { at: 2000 }]] },
        ],
      ],
      keeps: [
        [
          'an attempt that was due within the window and came late',
          {
            endpoint: { retry: { ...retry, giveUpAfterSeconds: 6 } },
            tries: [[{ at: 0, answer: BROKEN }, { at: 2000, answer: BROKEN }, { at: 60_000 }]],
          },
        ],
        [
          'the last of maxAttempts',
          {
            endpoint: { retry: { ...retry, maxAttempts: 2 } },
            tries: [[{ at: 0, answer: BROKEN }, { at: 2000 }]],
          },
        ],
      ],
    },
    givesUpOnlyAfterTheWindow: {
      breaks: [
        ['one that gives up with time left', { ...RETRYING, tries: failing(0) }],
        [
          'one that gives up before maxAttempts',
          { endpoint: { retry: { ...retry, maxAttempts: 2 } }, tries: failing(0) },
        ],
      ],
      keeps: [
        ['one without a window', { ...ONE_ATTEMPT, tries: failing(0) }],
        ['one at maxAttempts', { endpoint: { retry: { ...retry, maxAttempts: 1 } }, tries: failing(0) }],
        [
          'one whose next attempt may have fallen after the window',
          {
            endpoint: { retry: { ...retry, giveUpAfterSeconds: 6 } },
            tries: [
              [
                { at: 0, answer: BROKEN },
                { at: 2000, answer: BROKEN },
              ],
            ],
          },
        ],
      ],
    },
    keepsToMaxInFlight: {
      breaks: [
        [
          'three at once where two may be',
          { tries: [[{ at: 0, lasts: 500 }], [{ at: 10, lasts: 500 }], [{ at: 20 }]] },
        ],
        [
          'three at once while one hangs',
          { tries: [[{ at: 0, answer: 'hang', lasts: 2000 }], [{ at: 990, lasts: 500 }], [{ at: 1000 }]] },
        ],
      ],
      keeps: [
        [
          'a third once one has ended',
          { tries: [[{ at: 0, lasts: 500 }], [{ at: 10, lasts: 20 }], [{ at: 30 }]] },
        ],
        [
          'a third that comes before the receiver sees that one was given up',
          {
            tries: [
              [{ at: 0, answer: 'hang', lasts: 2000 }, { at: 4000 }],
              [{ at: 1600, lasts: 500 }],
              [{ at: 1999 }],
            ],
          },
        ],
      ],
    },
    obeysRetryAfter: {
      breaks: [
        [
          'another delivery before the seconds are over',
          { ...ONE_ATTEMPT, tries: [asking('5'), [{ at: 4900 }]] },
        ],
        ['the same delivery', { tries: [[...asking('5'), { at: 4900 }]] }],
        [
          'another before the date',
          { ...ONE_ATTEMPT, tries: [asking(new Date(BEGIN + 5000).toUTCString(), 429), [{ at: 4900 }]] },
        ],
        [
          'another within the longest delay',
          { ...ONE_ATTEMPT, tries: [asking('999999999'), [{ at: 7900 }]] },
        ],
      ],
      keeps: [
        ['another after the seconds', { ...ONE_ATTEMPT, tries: [asking('5'), [{ at: 5010 }]] }],
        ['another that was on its way', { ...ONE_ATTEMPT, tries: [asking('5'), [{ at: 50 }]] }],
        ['another after the longest delay', { ...ONE_ATTEMPT, tries: [asking('999999999'), [{ at: 8010 }]] }],
        ['Retry-After on another status', { ...ONE_ATTEMPT, tries: [asking('5', 500), [{ at: 900 }]] }],
        ['a Retry-After that makes no sense', { ...ONE_ATTEMPT, tries: [asking('-5'), [{ at: 900 }]] }],
      ],
    },
    leavesAloneWhatIsGone: {
      breaks: [
        [
          'another delivery after a 410',
          { ...ONE_ATTEMPT, tries: [[{ at: 0, answer: GONE }], [{ at: 900 }]] },
        ],
      ],
      keeps: [
        ['another that was on its way', { ...ONE_ATTEMPT, tries: [[{ at: 0, answer: GONE }], [{ at: 50 }]] }],
        ['another before it', { ...ONE_ATTEMPT, tries: [[{ at: 900, answer: GONE }], [{ at: 0 }]] }],
      ],
    },
    endsWhatIsGone: {
      breaks: [
        ['a 410 that is no end', { tries: [[{ at: 0, answer: GONE }]], delivery: { reason: 'BadStatus' } }],
        [
          'one that ends in another way later',
          {
            ...ONE_ATTEMPT,
            tries: [[{ at: 0, answer: BROKEN }], [{ at: 900, answer: GONE }]],
            delivery: { completionTime: '2026-11-25T00:00:10Z' },
          },
        ],
      ],
      keeps: [['one that is never sent', { tries: [[], [{ at: 900, answer: GONE }]] }]],
    },
    probesOneByOne: {
      breaks: [
        [
          'a sixth less than 5 s after five failures',
          { ...ONE_ATTEMPT, tries: [...failing(0, 1000, 2000, 3000, 4000), [{ at: 9000 }]] },
        ],
        [
          'a second probe less than 10 s after the first',
          { ...ONE_ATTEMPT, tries: [...failing(0, 1000, 2000, 3000, 4000, 9010), [{ at: 19_000 }]] },
        ],
        [
          'two probes at once',
          {
            ...ONE_ATTEMPT,
            tries: [...failing(0, 1000, 2000, 3000, 4000), [{ at: 9010, lasts: 500 }], [{ at: 9020 }]],
          },
        ],
      ],
      keeps: [
        [
          'probes that wait for twice as long each, until one succeeds',
          {
            ...ONE_ATTEMPT,
            tries: [...failing(0, 1000, 2000, 3000, 4000, 9010, 19_020), [{ at: 39_030 }], [{ at: 39_050 }]],
          },
        ],
        [
          'one that was on its way',
          { ...ONE_ATTEMPT, tries: [...failing(0, 1000, 2000, 3000, 4000), [{ at: 4400 }]] },
        ],
        [
          'a sixth after an answer that speaks of one event',
          {
            ...ONE_ATTEMPT,
            tries: [
              ...failing(0, 1000, 2000),
              [{ at: 2500, answer: REFUSED }],
              ...failing(3000, 4000),
              [{ at: 6000 }],
            ],
          },
        ],
        [
          'a sixth where a success may have been seen in between',
          { ...ONE_ATTEMPT, tries: [...failing(0, 1000, 2000, 3000, 4000), [{ at: 4005 }], [{ at: 6000 }]] },
        ],
      ],
    },
    probesWithTheLongestDue: {
      breaks: [
        [
          'a probe that passes over an older event',
          {
            ...ONE_ATTEMPT,
            tries: [...failing(0, 1000, 2000, 3000, 4000), [{ at: 10_000 }], [{ at: 10_100 }]],
            created: [0, 0, 0, 0, 0, 6000, 5000],
          },
        ],
        [
          'a probe that passes over a retry that was due before',
          {
            ...RETRYING,
            tries: [
              [{ at: 0, answer: BROKEN }, { at: 20_100 }],
              [{ at: 1000, answer: BROKEN }, { at: 20_200 }],
              [{ at: 2000, answer: BROKEN }, { at: 20_300 }],
              [{ at: 3000, answer: BROKEN }, { at: 20_300 }],
              [{ at: 4000, answer: BROKEN }, { at: 20_400 }],
              [{ at: 20_000 }],
            ],
            created: [0, 0, 0, 0, 0, 17_000],
          },
        ],
      ],
      keeps: [
        [
          'a probe with the oldest',
          {
            ...ONE_ATTEMPT,
            tries: [...failing(0, 1000, 2000, 3000, 4000), [{ at: 10_100 }], [{ at: 10_000 }]],
            created: [0, 0, 0, 0, 0, 6000, 5000],
          },
        ],
      ],
    },
    listsWhatMatches: {
      breaks: [
        ['an endpoint that is missed', { event: { wantedBy: ['another', 'flag-cache'] } }],
        ['an endpoint too many', { event: { wantedBy: [] } }],
      ],
      keeps: [['the one that matches', {}]],
    },
    hasIdsOfItsOwn: {
      breaks: [
        ['two events with one', { tries: [[{ at: 0 }], [{ at: 0 }]], delivery: { deliveryID: 'msg_1' } }],
      ],
      keeps: [['two events with one each', { tries: [[{ at: 0 }], [{ at: 0 }]] }]],
    },
    ends: {
      breaks: [
        ['an event without an end', { event: { status: { completionTime: undefined } } }],
        ['a delivery that is pending', { delivery: { state: 'Pending' } }],
        ['an end with a next attempt', { delivery: { nextAttemptTime: '2026-11-25T00:00:10Z' } }],
      ],
      keeps: [['an event that has ended', {}]],
    },
    countsAttempts: {
      breaks: [
        ['one attempt too many', { delivery: { attempts: 2 } }],
        [
          'a request without an attempt',
          { tries: [[{ at: 0, answer: 'reset' }, { at: 5 }]], delivery: { attempts: 1 } },
        ],
        [
          'a connection that is replaced twice',
          {
            tries: [
              [
                { at: 0, answer: 'reset', isReused: true, lasts: 1 },
                { at: 5, answer: 'reset', isReused: true, lasts: 1 },
                { at: 9 },
              ],
            ],
            delivery: { attempts: 1 },
          },
        ],
      ],
      keeps: [
        [
          'a connection that is replaced',
          {
            tries: [
              [
                { at: 0, answer: 'reset', isReused: true, lasts: 1 },
                { at: 5, lasts: 1 },
              ],
            ],
            delivery: { attempts: 1 },
          },
        ],
      ],
    },
    recordsTheLastAttempt: {
      breaks: [
        [
          'a success after a failure',
          { ...ONE_ATTEMPT, tries: failing(0), delivery: { state: 'Succeeded' } },
        ],
        ['another reason', { ...ONE_ATTEMPT, tries: failing(0), delivery: { reason: 'Redirected' } }],
        ['another status code', { ...ONE_ATTEMPT, tries: failing(0), delivery: { lastStatusCode: 502 } }],
        [
          'a status code where none came',
          { ...ONE_ATTEMPT, tries: [[{ at: 0, answer: 'reset' }]], delivery: { lastStatusCode: 500 } },
        ],
        ['an end without an attempt', { tries: [[]] }],
      ],
      keeps: [
        ['a reset', { ...ONE_ATTEMPT, tries: [[{ at: 0, answer: 'reset' }]] }],
        ['a redirect', { ...ONE_ATTEMPT, tries: [[{ at: 0, answer: { status: 302 } }]] }],
        [
          'a failed one that ends as its endpoint is gone',
          { tries: [[{ at: 0, answer: BROKEN }], [{ at: 900, answer: GONE }]], delivery: { reason: 'Gone' } },
        ],
      ],
    },
    recordsTimes: {
      breaks: [
        ['another time of the first attempt', { delivery: { firstAttemptTime: '2026-11-25T00:00:01Z' } }],
        ['another time of the last attempt', { delivery: { lastAttemptTime: '2026-11-24T23:59:59Z' } }],
        [
          'another second than was sent',
          { tries: [[{ at: 100 }]], delivery: { lastAttemptTime: '2026-11-24T23:59:59.900Z' } },
        ],
        ['another duration', { delivery: { lastDurationMilliseconds: 600 } }],
        ['an end before the answer', { delivery: { completionTime: '2026-11-25T00:00:00Z' } }],
      ],
      keeps: [
        [
          'times that are a little off',
          {
            tries: [[{ at: 100 }]],
            delivery: { lastAttemptTime: '2026-11-25T00:00:00.050Z', lastDurationMilliseconds: 70 },
          },
        ],
      ],
    },
    saysNothingSecret: {
      breaks: [
        ['the path of the URL', { delivery: { message: 'POST /hooks/flag-cache failed.' } }],
        ['something that is no printable ASCII', { delivery: { message: 'a\nb' } }],
        ['too much', { delivery: { message: 'a'.repeat(257) } }],
      ],
      keeps: [['256 characters', { delivery: { message: 'a'.repeat(256) } }]],
    },
    sumsUp: {
      breaks: [
        ['a wrong count', { event: { status: { delivered: '0/1' } } }],
        ['no conditions', { event: { status: { conditions: [] } } }],
        [
          'conditions of another outcome',
          { event: { status: { conditions: aRun({ tries: failing(0) }).events[0]?.status.conditions } } },
        ],
      ],
      keeps: [['a failed one', { ...ONE_ATTEMPT, tries: failing(0) }]],
    },
    hasNothingPending: {
      breaks: [['a pending delivery', { endpointStatus: { pendingDeliveries: 1 } }]],
      keeps: [['none', {}]],
    },
    countsItsFailures: {
      breaks: [
        [
          'a failure too few',
          { ...ONE_ATTEMPT, tries: failing(0, 1000), endpointStatus: { consecutiveFailures: 1 } },
        ],
        [
          'a failure before a success',
          {
            ...ONE_ATTEMPT,
            tries: [...failing(0), [{ at: 1000 }]],
            endpointStatus: { consecutiveFailures: 1 },
          },
        ],
      ],
      keeps: [
        [
          'a failure that ended with a success',
          {
            ...ONE_ATTEMPT,
            tries: [...failing(0), [{ at: 100 }]],
            endpointStatus: { consecutiveFailures: 1 },
          },
        ],
      ],
    },
    knowsItsLastAttempts: {
      breaks: [
        ['an older success', { endpointStatus: { lastSuccessTime: '2026-11-24T23:59:59Z' } }],
        ['no failure', { ...ONE_ATTEMPT, tries: failing(0), endpointStatus: { lastFailureTime: undefined } }],
        ['a failure that was none', { endpointStatus: { lastFailureTime: '2026-11-25T00:00:00Z' } }],
      ],
      keeps: [['both', { ...ONE_ATTEMPT, tries: [...failing(0), [{ at: 1000 }]] }]],
    },
    showsTheLastTen: {
      breaks: [
        ['none', { endpointStatus: { recentDeliveries: [] } }],
        [
          'an older one',
          {
            tries: Array.from({ length: 11 }, (_, index) => [{ at: index * 1000 }]),
            endpointStatus: {
              recentDeliveries: aRun({
                tries: Array.from({ length: 10 }, (_, index) => [{ at: index * 1000 }]),
              }).endpoints[0]?.status.recentDeliveries,
            },
          },
        ],
        [
          'another outcome',
          {
            ...ONE_ATTEMPT,
            tries: failing(0),
            endpointStatus: { recentDeliveries: aRun().endpoints[0]?.status.recentDeliveries },
          },
        ],
      ],
      keeps: [['ten of eleven', { tries: Array.from({ length: 11 }, (_, index) => [{ at: index * 1000 }]) }]],
    },
    hasItsConditions: {
      breaks: [
        [
          'an open circuit that is not shown',
          {
            ...ONE_ATTEMPT,
            tries: failing(0, 1000, 2000, 3000, 4000),
            endpointStatus: { conditions: lateConditions },
          },
        ],
        [
          'a gone endpoint that is Ready',
          { tries: [[{ at: 0, answer: GONE }]], endpointStatus: { conditions: lateConditions } },
        ],
        ['a success that is not shown', { endpointStatus: { conditions: lateConditions } }],
      ],
      keeps: [
        ['an open circuit', { ...ONE_ATTEMPT, tries: failing(0, 1000, 2000, 3000, 4000) }],
        ['a gone endpoint', { tries: [[{ at: 0, answer: GONE }]] }],
      ],
    },
  };

const brokenRules = (options: RunOptions) => violations(aRun(options)).map((line) => line.split(':')[0]);

test('there are cases for each rule', () => {
  expect(Object.keys(CASES).toSorted()).toEqual(ruleNames.toSorted());
});

describe.each(Object.entries(CASES))('%s', (rule, { breaks, keeps }) => {
  test.each(breaks)('finds %s', (_, options) => {
    expect(brokenRules(options)).toContain(rule);
  });

  test.each(keeps)('lets %s pass', (_, options) => {
    expect(violations(aRun(options))).toEqual([]);
  });
});
