import { isJsonObject, type JsonObject } from './jsonObject.ts';

/**
 * The one form of a JSON value: keys sorted by code point at every depth, no white space, UTF-8. Numbers and strings are
 * written as JSON.stringify writes them, so a lone surrogate becomes its escape (`\ud800`), which is valid UTF-8 and
 * loses nothing. `value` is what JSON.parse gives; members that are undefined are left out. Any depth will do.
 */
export function canonicalJson(value: unknown): Uint8Array {
  return Buffer.from(canonicalText(value), 'utf8');
}

/** As `canonicalJson`, before it is encoded. */
export function canonicalText(value: unknown): string {
  const written: string[] = [];
  const first = stepOf(value);
  if (typeof first === 'string') return first;
  // A stack of our own: recursion, JSON.stringify's too, overflows at depths that the API server stores.
  const open = [stepsOf(first)];
  for (let innermost = open.at(-1); innermost; innermost = open.at(-1)) {
    const { done, value: step } = innermost.next();
    if (done) open.pop();
    else if (typeof step === 'string') written.push(step);
    else open.push(stepsOf(step));
  }
  return written.join('');
}

/** Text to write, or an object or list to go into. */
type Step = string | object;

function stepOf(value: unknown): Step {
  return typeof value === 'object' && value !== null ? value : JSON.stringify(value);
}

function stepsOf(container: object): Generator<Step, void> {
  return isJsonObject(container) ? membersOf(container) : itemsOf(Object.values(container));
}

function* membersOf(object: JsonObject): Generator<Step, void> {
  let before = '{';
  for (const key of Object.keys(object).toSorted(compareCodePoints)) {
    if (object[key] === undefined) continue;
    yield `${before}${JSON.stringify(key)}:`;
    yield stepOf(object[key]);
    before = ',';
  }
  yield before === '{' ? '{}' : '}';
}

function* itemsOf(items: readonly unknown[]): Generator<Step, void> {
  let before = '[';
  for (const item of items) {
    yield before;
    yield stepOf(item);
    before = ',';
  }
  yield before === '[' ? '[]' : ']';
}

/** Orders by code point; `<` orders by UTF-16 unit, which puts U+10000 and above before U+E000. */
function compareCodePoints(left: string, right: string): number {
  const end = Math.min(left.length, right.length);
  let at = 0;
  while (at < end && left.charCodeAt(at) === right.charCodeAt(at)) at += 1;
  if (at === end) return left.length - right.length;
  const halfPair = at > 0 && isHighSurrogate(left.charCodeAt(at - 1));
  return (halfPair && codePointOrder(left, right, at - 1)) || codePointOrder(left, right, at);
}

function codePointOrder(left: string, right: string, at: number): number {
  return (left.codePointAt(at) ?? 0) - (right.codePointAt(at) ?? 0);
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
