import { createHash } from 'node:crypto';
import type { EventType } from '../api/flagEvent.ts';
import type { UID } from '../api/objectMeta.ts';
import { testToken, type LastTest, type TestResult } from '../api/webhookEndpoint.ts';
import type { Outcome } from './classify.ts';
import type { EndpointView } from './takeUp.ts';
import { waitingFor } from './waiting.ts';

/** The annotation that asks for a test; its value is any token that was not handled yet. */
export const TEST_ANNOTATION = 'flagpost.dev/test';

/** What every request of a test has. */
export const TEST_HEADER: readonly [name: string, value: string] = ['Flagpost-Test', 'true'];

const PAUSE_MILLISECONDS = 5000;

/** Whether a token has too many characters to be one. */
export function isTooLong(token: string): boolean {
  return !testToken.safeParse(token).success;
}

/** In how many milliseconds an endpoint may be tested again, given when its last test began; 0 where it may now. */
export function pauseAfter(lastBegunAt: number, now: number): number {
  // No longer than that either where the clock went back.
  return Math.max(0, Math.min(PAUSE_MILLISECONDS, lastBegunAt + PAUSE_MILLISECONDS - now));
}

/** The `webhook-id` of a test's request: another one for each test. */
export function testId(endpointUid: UID, type: EventType, startedAt: number): string {
  return `msg_${createHash('sha256').update(`test/${endpointUid}/${type}/${startedAt}`).digest('base64url')}`;
}

/** What a request of a test has come to. */
export function resultOf(
  eventType: EventType,
  { statusCode, durationMilliseconds, reason, message }: Outcome,
): TestResult {
  return { eventType, statusCode, durationMilliseconds, reason, message };
}

/**
 * Why nothing is sent: what a delivery would wait for. Nothing where the endpoint can be used; whether it is suspended, gone
 * or waits for its circuit makes no difference to a test.
 */
export function refusalOf(eventType: EventType, view: EndpointView): TestResult | undefined {
  const tested = { ...view, spec: { ...view.spec, suspend: false }, stoppedBy: undefined };
  const wait = waitingFor(tested, true, false);
  return wait && { eventType, ...wait };
}

/** Whether the endpoint is well: every sample was taken. */
export function hasSucceeded({ results }: Pick<LastTest, 'results'>): boolean {
  return results.every(({ reason }) => reason === 'Delivered');
}
