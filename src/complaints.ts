import { ApiError } from './runtime/apiError.ts';
import type { Clock } from './runtime/clock.ts';
import { errorFields } from './telemetry/log.ts';

type Fields = Readonly<Record<string, unknown>>;

const EVERY_MILLISECONDS = 60_000;
// More different ones than this are no row of equal ones.
const MAX_REMEMBERED = 100;

interface Row {
  readonly saidAt: number;
  leftOut: number;
}

/**
 * Says of what fails over and over, for many objects perhaps, only the first in a minute, with how many like it were left
 * out since the one before. Alike are failures to do the same thing by the same error.
 */
export class Complaints {
  readonly #rows = new Map<string, Row>();
  readonly #clock: Clock;
  readonly #say: (fields: Fields) => void;

  constructor(clock: Clock, say: (fields: Fields) => void) {
    this.#clock = clock;
    this.#say = say;
  }

  /** `doing` is a constant; `fields` say which object it is about. */
  about(doing: string, error: unknown, fields: Fields): void {
    const row = `${doing}: ${kindOf(error)}`;
    const before = this.#rows.get(row);
    const now = this.#clock.monotonic();
    if (before && now - before.saidAt < EVERY_MILLISECONDS) {
      before.leftOut += 1;
      return;
    }
    this.#rows.delete(row);
    this.#rows.set(row, { saidAt: now, leftOut: 0 });
    const [oldest] = this.#rows.keys();
    if (this.#rows.size > MAX_REMEMBERED && oldest !== undefined) this.#rows.delete(oldest);
    const leftOut = before?.leftOut ? { alikeLeftOut: before.leftOut } : {};
    this.#say({ ...fields, doing, ...leftOut, ...errorFields(error) });
  }
}

/** The API server's message names the object. */
function kindOf(error: unknown): string {
  if (error instanceof ApiError) return `${error.status} ${error.reason}`;
  return JSON.stringify(errorFields(error));
}
