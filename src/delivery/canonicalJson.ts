import { isJsonObject } from './jsonObject.ts';

/**
 * The one form of a JSON value: keys sorted by code point at every depth, no white space, UTF-8. Numbers and strings are
 * written as JSON.stringify writes them, so a lone surrogate becomes its escape (`\ud800`), which is valid UTF-8 and
 * loses nothing. `value` is what JSON.parse gives; members that are undefined are left out. Any depth will do.
 */
export function canonicalJson(value: unknown): Uint8Array {
  // In memory of its own: a small Buffer would keep the pool alive that it is a part of, for as long as the body is kept.
  return new TextEncoder().encode(canonicalText(value));
}

/** As `canonicalJson`, before it is encoded. */
export function canonicalText(value: unknown): string {
  if (!isContainer(value)) return JSON.stringify(value);
  let text = '';
  // A stack of our own: recursion, JSON.stringify's too, overflows at depths that the API server stores.
  const open = [containerOf(value)];
  for (let innermost = open.at(-1); innermost; innermost = open.at(-1)) {
    const { keys, values, at, start, end } = innermost;
    if (at === values.length) {
      text += at === 0 ? start + end : end;
      open.pop();
      continue;
    }
    innermost.at += 1;
    text += at === 0 ? start : ',';
    if (keys) text += `${JSON.stringify(keys[at])}:`;
    const member = values[at];
    if (isContainer(member)) open.push(containerOf(member));
    else text += JSON.stringify(member);
  }
  return text;
}

/** An object or a list that is being written. */
interface Container {
  /** Of an object, sorted. */
  readonly keys?: readonly string[];
  readonly values: readonly unknown[];
  readonly start: string;
  readonly end: string;
  /** How many values have been begun. */
  at: number;
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function containerOf(value: object): Container {
  if (!isJsonObject(value)) return { values: Object.values(value), start: '[', end: ']', at: 0 };
  const keys = Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .toSorted(compareCodePoints);
  return { keys, values: keys.map((key) => value[key]), start: '{', end: '}', at: 0 };
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
