import { ApiError, isNotFound } from '../runtime/apiError.ts';

/** Why a status write was refused, as far as it makes a difference. */
export type WriteRefusal = 'conflict' | 'gone' | 'forbidden' | 'invalid' | 'too large' | 'other';

// etcd's and gRPC's own limits come as a 500 that says so in words alone.
const TOO_LARGE = /request is too large|larger than max|entity too large/i;

export function refusalOf(error: unknown): WriteRefusal {
  if (isNotFound(error)) return 'gone';
  if (!(error instanceof ApiError)) return 'other';
  if (error.status === 409) return 'conflict';
  if (error.status === 403) return 'forbidden';
  if (error.status === 413 || TOO_LARGE.test(error.message)) return 'too large';
  return error.status === 422 ? 'invalid' : 'other';
}
