import type { Outcome } from './classify.ts';

/** What an endpoint's attempts say of its receiver. Times in milliseconds since 1970. */
export interface Circuit {
  /** Failures in a row. */
  readonly failures: number;
  /** While it is open: when the next probe may go. */
  readonly probeAt?: number;
  /** While it is open: probes that have failed. */
  readonly failedProbes?: number;
  /** When it opened last. */
  readonly openedAt?: number;
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
  const { probeAt, openedAt, failedProbes = 0 } = circuit;
  if (counts !== 'failure') return { failures: 0, openedAt, allowance: grown(circuit), ...held };
  if (probeAt === undefined && isBefore(circuit, startedAt)) return { ...circuit, ...held };
  const failures = circuit.failures + 1;
  if (failures < OPENS_AFTER_FAILURES) return { ...circuit, failures, ...held };
  if (probeAt !== undefined && startedAt < probeAt) return { ...circuit, failures, ...held };
  const failed = probeAt === undefined ? 0 : failedProbes + 1;
  const delay = Math.min(FIRST_PROBE_MILLISECONDS * 2 ** failed, LONGEST_PROBE_MILLISECONDS);
  return {
    failures,
    openedAt: probeAt === undefined ? endedAt : openedAt,
    probeAt: endedAt + delay,
    failedProbes: failed,
    ...held,
  };
}

/**
 * How many requests may be open at once now, of `maxInFlight`, where those that are open now were begun at these times. Any
 * that hang since before the circuit opened come on top of what it lets through: a probe does not wait for them.
 */
export function allowed(
  circuit: Circuit,
  maxInFlight: number,
  begun: readonly number[],
  now: number,
): number {
  const { probeAt, allowance, heldUntil } = circuit;
  if ((heldUntil !== undefined && heldUntil > now) || (probeAt !== undefined && probeAt > now)) return 0;
  const before = begun.filter((at) => isBefore(circuit, at)).length;
  return Math.min(maxInFlight, before + (probeAt === undefined ? (allowance ?? maxInFlight) : 1));
}

export function isOpen({ probeAt }: Circuit): boolean {
  return probeAt !== undefined;
}

/** When more may be sent than now: a probe, or all after a hold. Nothing where only an attempt can change that. */
export function reopensAt({ probeAt, heldUntil }: Circuit, now: number): number | undefined {
  const at = latest(probeAt, heldUntil);
  return at !== undefined && at > now ? at : undefined;
}

/** Before which time nothing is sent; nothing where the circuit is closed and the receiver has not asked for it. */
export function retryAfterAt({ probeAt, heldUntil }: Circuit, now: number): number | undefined {
  return latest(probeAt, heldUntil !== undefined && heldUntil > now ? heldUntil : undefined);
}

/** What an endpoint's status says of its circuit. */
export interface StoredCircuit {
  readonly failures: number;
  readonly retryAfter?: number;
  readonly lastFailure?: number;
}

/**
 * The circuit as a status has it, after a restart. A time that was written under a wrong clock is trusted no further than
 * the longest legal wait. How many probes have failed is read from how long the last failure has made the circuit wait.
 */
export function restored(
  { failures, retryAfter, lastFailure }: StoredCircuit,
  maxDelaySeconds: number,
  now: number,
): Circuit {
  const longest = now + Math.max(LONGEST_PROBE_MILLISECONDS, maxDelaySeconds * 1000);
  const at = Math.min(retryAfter ?? now, longest);
  if (failures < OPENS_AFTER_FAILURES) return at > now ? { failures, heldUntil: at } : { failures };
  const waited = Math.min(at - (lastFailure ?? at), LONGEST_PROBE_MILLISECONDS) / FIRST_PROBE_MILLISECONDS;
  const failedProbes = waited > 1 ? Math.ceil(Math.log2(waited)) : 0;
  return { failures, probeAt: at, failedProbes };
}

/**
 * The circuit after the endpoint has got another spec, or a Secret other content: it closes, so that what may have been
 * set right is tried. What the receiver has asked for ends with a change of the spec alone.
 */
export function afterChange(circuit: Circuit, what: 'spec' | 'content'): Circuit {
  const heldUntil = what === 'spec' ? undefined : circuit.heldUntil;
  if (!isOpen(circuit)) return { ...circuit, heldUntil };
  return { failures: 0, openedAt: circuit.openedAt, allowance: 1, heldUntil };
}

/** Whether deliveries wait for the circuit, or for what Retry-After has asked for. */
export function isHolding(circuit: Circuit, now: number): boolean {
  return retryAfterAt(circuit, now) !== undefined;
}

/** Whether something was begun before the circuit opened last. */
function isBefore({ openedAt }: Circuit, time: number): boolean {
  return openedAt !== undefined && time <= openedAt;
}

function grown({ probeAt, allowance }: Circuit): number | undefined {
  if (probeAt !== undefined) return 1;
  return allowance === undefined || allowance * 2 > LARGEST_ALLOWANCE ? undefined : allowance * 2;
}

function latest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
}
