import { parseArgs } from 'node:util';

export interface Options {
  /** How often each pair is measured. */
  readonly rounds: number;
  /** Events of a round whose rate is measured, after those that warm up. */
  readonly events: number;
  /** Deliveries that are pending while the memory is read. */
  readonly pending: number;
  /** Whether a figure that falls short is a failure. */
  readonly check: boolean;
}

/** Throws an error with a sentence where an option is unknown or no positive integer. */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '5' },
      events: { type: 'string', default: '1000' },
      pending: { type: 'string', default: '10000' },
      check: { type: 'boolean', default: false },
    },
  });
  return {
    rounds: positive('rounds', values.rounds),
    events: positive('events', values.events),
    pending: positive('pending', values.pending),
    check: values.check,
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`--${name}: ${text} is no positive integer`);
  return value;
}
