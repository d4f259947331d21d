import type { Dispatcher } from 'undici';
import { z } from 'zod';
import { ApiError } from '../runtime/apiError.ts';

const LARGEST_ERROR_BYTES = 65_536;

const statusSchema = z.object({
  kind: z.literal('Status'),
  reason: z.string().catch(''),
  message: z.string().catch(''),
  details: z.object({ retryAfterSeconds: z.number().optional() }).nullish().catch(undefined),
});

/** Reads an answer that is no success: a metav1.Status, or whatever a proxy puts in its place. `now` is wall time. */
export const readError = async (response: Dispatcher.ResponseData, now: number): Promise<ApiError> => {
  const status = statusSchema.safeParse(await bodyOfError(response.body)).data;
  const message = status?.message || `the API server answered with status ${response.statusCode}`;
  const wait =
    retryAfter(response.headers['retry-after'], now) ?? seconds(status?.details?.retryAfterSeconds);
  return new ApiError(response.statusCode, status?.reason ?? '', message, wait);
};

const bodyOfError = async (body: AsyncIterable<Buffer>): Promise<unknown> => {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > LARGEST_ERROR_BYTES) break;
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    return undefined;
  }
};

const seconds = (count: number | undefined): number | undefined =>
  count === undefined ? undefined : count * 1000;

/** RFC 9110, section 10.2.3: seconds, or a date. */
const retryAfter = (value: string | string[] | undefined, now: number): number | undefined => {
  if (typeof value !== 'string') return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const time = Date.parse(value);
  return Number.isNaN(time) ? undefined : Math.max(0, time - now);
};
