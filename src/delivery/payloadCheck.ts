import { printable } from './printable.ts';

/** The deepest nesting of objects and lists that is sent; the body's root is 1 (api.md, FlagEvent). */
const MAX_DEPTH = 64;

const MAX_KEY_LENGTH = 40;
const MAX_PATH_LENGTH = 120;

/** A value of the payload and the way to it. */
interface Spot {
  readonly key: string;
  readonly value: unknown;
  /** How deep an object or list here is; the body's root is 1. */
  readonly depth: number;
  readonly parent?: Spot;
}

/**
 * Says what keeps a value from being sent, whatever its fields mean: nesting deeper than 64, or a number that JavaScript
 * and many receivers can't hold exactly (none outside ±(2^53-1) has a fraction any more). The message is one sentence
 * of printable ASCII, at most 256 characters, that names the field and the remedy.
 *
 * @param field the value's name for people
 * @param depth how deep the value is in the body, whose root is 1
 */
export function checkPayload(value: unknown, field = 'body', depth = 1): string | undefined {
  // A stack of our own, since the API server stores nesting that recursion does not survive.
  const ahead: Spot[] = [{ key: field, value, depth }];
  for (let spot = ahead.pop(); spot; spot = ahead.pop()) {
    const wrong = checkSpot(spot);
    if (wrong !== undefined) return `${pathTo(spot)} ${wrong}.`;
    pushChildren(spot, ahead);
  }
  return undefined;
}

function checkSpot({ value, depth }: Spot): string | undefined {
  if (typeof value === 'number' && Math.abs(value) > Number.MAX_SAFE_INTEGER) {
    return 'is a number outside -(2^53-1) to 2^53-1, which receivers would round; send it as a string';
  }
  if (typeof value === 'object' && value !== null && depth > MAX_DEPTH) {
    return `is nested deeper than ${MAX_DEPTH} objects and lists; make the payload flatter`;
  }
  return undefined;
}

function pushChildren(parent: Spot, ahead: Spot[]): void {
  if (typeof parent.value !== 'object' || parent.value === null) return;
  for (const [key, value] of Object.entries(parent.value)) {
    const matters = (typeof value === 'object' && value !== null) || typeof value === 'number';
    if (matters) ahead.push({ key, value, depth: parent.depth + 1, parent });
  }
}

/** The way to a value, such as `spec.flagUpdated.new_state["my key"][3]`; the middle of a long one is left out. */
function pathTo(spot: Spot): string {
  const names: string[] = [];
  for (let at = spot; ; at = at.parent) {
    names.unshift(nameOf(at));
    if (!at.parent) break;
  }
  const path = names.join('');
  const half = (MAX_PATH_LENGTH - 3) / 2;
  return path.length <= MAX_PATH_LENGTH ? path : `${path.slice(0, half)}...${path.slice(-half)}`;
}

function nameOf({ key, parent }: Spot): string {
  if (!parent) return key;
  if (Array.isArray(parent.value)) return `[${key}]`;
  const shown = key.length <= MAX_KEY_LENGTH ? key : `${key.slice(0, MAX_KEY_LENGTH)}...`;
  return /^\w+$/.test(key) ? `.${shown}` : `["${printable(shown)}"]`;
}
