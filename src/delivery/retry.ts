import type { RetryPolicy } from '../api/webhookEndpoint.ts';

/** A failed attempt, and what is needed to decide on the next one. Times in milliseconds since 1970. */
export interface FailedAttempt {
  readonly policy: RetryPolicy;
  /** How many attempts were made, this one included. */
  readonly attempts: number;
  readonly firstAttemptTime: number;
  readonly failedAt: number;
  /** From 0 to under 1; spreads the delay. */
  readonly random: number;
}

const LEAST_JITTER = 0.8;
const JITTER_RANGE = 0.4;

/** The longest delay after a failure that the policy admits, in milliseconds. */
export function longestDelay({ maxDelaySeconds }: RetryPolicy): number {
  return maxDelaySeconds * 1000 * (LEAST_JITTER + JITTER_RANGE);
}

/**
 * When to try again, or that it's over. The delay doubles with each failure up to the policy's maximum, which wins where it
 * is less than the initial one, and is spread by 0.8 to 1.2 after that. It's over once maxAttempts is reached, or where
 * the next attempt would fall after the retry window, which begins with the first attempt; a window of 0 allows one.
 */
export function nextAttempt(failed: FailedAttempt): { readonly at: number } | { readonly giveUp: true } {
  const { policy, attempts, firstAttemptTime, failedAt, random } = failed;
  const { initialDelaySeconds, maxDelaySeconds, giveUpAfterSeconds, maxAttempts = Infinity } = policy;
  // Even where the clock went back since the first attempt.
  if (giveUpAfterSeconds === 0 || attempts >= maxAttempts) return { giveUp: true };
  const delaySeconds = Math.min(initialDelaySeconds * 2 ** (attempts - 1), maxDelaySeconds);
  const at = Math.round(failedAt + delaySeconds * 1000 * (LEAST_JITTER + JITTER_RANGE * random));
  return at > firstAttemptTime + giveUpAfterSeconds * 1000 ? { giveUp: true } : { at };
}
