import type { Delivery } from '../api/flagEvent.ts';
import type { WaitingReason } from '../api/reasons.ts';
import type { RetryPolicy } from '../api/webhookEndpoint.ts';
import type { EndpointView } from './takeUp.ts';

interface Waiting {
  readonly reason: WaitingReason;
  readonly message: string;
}

const LONGEST_WAIT_MILLISECONDS = 14 * 24 * 3_600_000;

/**
 * What a delivery waits for, the first that applies; one in its backoff waits neither for the circuit nor for others.
 *
 * @param isHeld whether another event goes first
 */
export function waitingFor(
  view: EndpointView | undefined,
  isDue: boolean,
  isHeld: boolean,
): Waiting | undefined {
  if (!view) return undefined;
  if (view.spec.suspend) return { reason: 'Suspended', message: 'The WebhookEndpoint is suspended.' };
  if (typeof view.usability !== 'string') {
    const { reason, message } = view.usability;
    return { reason: reason === 'URLForbidden' ? reason : 'SecretNotReady', message: message.slice(0, 256) };
  }
  if (!isDue) return undefined;
  if (view.stoppedBy === 'circuit') {
    return {
      reason: 'CircuitOpen',
      message: 'The receiver has failed, or asked to wait; see the WebhookEndpoint.',
    };
  }
  if (!isHeld) return undefined;
  return {
    reason: 'WaitingForEarlier',
    message: 'Another event of the same feature goes first; see spec.ordering of the WebhookEndpoint.',
  };
}

/**
 * Whether a delivery that waits says enough of what for: that a circuit has closed is not told by itself, lest one that
 * flaps have all that wait behind it written again and again.
 */
export function tellsOf(told: string | undefined, { reason }: Waiting): boolean {
  return told === reason || (told === 'CircuitOpen' && reason === 'WaitingForEarlier');
}

/** Whether an attempt that has got its turn may be made: it is not held back by what has changed meanwhile. */
export function mayBeTried({ spec, usability, stoppedBy }: EndpointView): boolean {
  return !spec.suspend && usability === 'usable' && stoppedBy !== 'gone';
}

/** When a delivery that still waits ends, in milliseconds since 1970: 14 days after its start, or with its window if later. */
export function endOfWait(
  { startTime, firstAttemptTime }: Delivery,
  { giveUpAfterSeconds }: RetryPolicy,
): number {
  if (startTime === undefined) return Infinity;
  const longest = Date.parse(startTime) + LONGEST_WAIT_MILLISECONDS;
  if (firstAttemptTime === undefined) return longest;
  return Math.max(longest, Date.parse(firstAttemptTime) + giveUpAfterSeconds * 1000);
}
