import type { Outcome } from './classify.ts';

/** What an endpoint's attempts say of its receiver. Times in milliseconds since 1970. */
export interface Circuit {
  /** Failures in a row. */
  readonly failures: number;
  /** While it is open: when the next probe may go. */
  readonly probeAt?: number;
  /** While it is open: probes that have failed. */
  readonly failedProbes?: number;
  /** After it has closed: how many requests may be open at once, until that no longer matters. */
  readonly allowance?: number;
  /** Until when the receiver has asked to be left alone. */
  readonly heldUntil?: number;
}

export const CLOSED: Circuit = { failures: 0 };

const OPENS_AFTER_FAILURES = 5;
const FIRST_PROBE_MILLISECONDS = 5000;
const LONGEST_PROBE_MILLISECONDS = 300_000;
// Allowances double; from here on an endpoint's own limit is lower.
const LARGEST_ALLOWANCE = 256;

/** An attempt as far as the circuit is concerned. */
export interface CircuitAttempt {
  readonly startedAt: number;
  readonly endedAt: number;
  readonly counts: Outcome['countsAgainstEndpoint'];
  /** The receiver's Retry-After, as a time. */
  readonly heldUntil?: number;
}

/**
 * The circuit after an attempt has ended. It opens after 5 failures in a row; a probe may go after 5 s, then after twice
 * as long for each that fails, up to 5 min. What was in flight when it opened neither opens it again nor counts as a
 * probe. A success closes it, and so does an answer that speaks of one event; after that 1, 2, 4, … requests may go.
 */
export function afterAttempt(
  circuit: Circuit,
  { startedAt, endedAt, counts, heldUntil }: CircuitAttempt,
): Circuit {
  const held = { heldUntil: latest(circuit.heldUntil, heldUntil) };
  if (counts !== 'failure') return { failures: 0, allowance: grown(circuit), ...held };
  const failures = circuit.failures + 1;
  if (failures < OPENS_AFTER_FAILURES) return { ...circuit, failures, ...held };
  const { probeAt, failedProbes = 0 } = circuit;
  if (probeAt !== undefined && startedAt < probeAt) return { ...circuit, failures, ...held };
  const failed = probeAt === undefined ? 0 : failedProbes + 1;
  const delay = Math.min(FIRST_PROBE_MILLISECONDS * 2 ** failed, LONGEST_PROBE_MILLISECONDS);
  return { failures, probeAt: endedAt + delay, failedProbes: failed, ...held };
}

/** How many requests may be open at once now, of `maxInFlight`. */
export function allowed(
  { probeAt, allowance, heldUntil }: Circuit,
  maxInFlight: number,
  now: number,
): number {
  if (heldUntil !== undefined && heldUntil > now) return 0;
  if (probeAt !== undefined) return probeAt > now ? 0 : 1;
  return Math.min(maxInFlight, allowance ?? maxInFlight);
}

/** Whether deliveries wait for the circuit, or for what Retry-After has asked for. */
export function isHolding({ probeAt, heldUntil }: Circuit, now: number): boolean {
  return probeAt !== undefined || (heldUntil !== undefined && heldUntil > now);
}

function grown({ probeAt, allowance }: Circuit): number | undefined {
  if (probeAt !== undefined) return 1;
  return allowance === undefined || allowance * 2 > LARGEST_ALLOWANCE ? undefined : allowance * 2;
}

function latest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
}
