import { z } from 'zod';
import { crdKeywords, type CrdKeywords } from './crdKeywords.ts';

interface TextBounds {
  readonly min?: number;
  readonly max: number;
}

/** A string of `min` (default 0) to `max` characters: code points, as the API server counts, where zod has UTF-16 units. */
export function text({ min = 0, max }: TextBounds, keywords: CrdKeywords = {}): z.ZodString {
  const fits = (value: string): boolean => {
    if (value.length >= 2 * min && value.length <= max) return true;
    let characters = 0;
    for (const _ of value) characters += 1;
    return characters >= min && characters <= max;
  };
  return z
    .string()
    .refine(fits, { error: `must have ${min} to ${max} characters` })
    .register(crdKeywords, { ...(min > 0 && { minLength: min }), maxLength: max, ...keywords });
}

/** An integer from `min` to `max`; without bounds one that a double holds exactly, ±(2^53−1). */
export function integer(min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER): z.ZodInt {
  return z.int().min(min).max(max);
}

/** An int32 from 0 up: counters. */
export function count(): z.ZodInt {
  return integer(0, 2 ** 31 - 1);
}

/** A time, `YYYY-MM-DDThh:mm:ss[.fraction]`, then `Z` or `±hh:mm`: a real date, seconds 00 to 59. At most 64 characters. */
export function time(): z.ZodISODateTime {
  return z.iso.datetime({ offset: true }).max(64);
}
