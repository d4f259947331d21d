/** The API server answered with an error. `message` is the API server's own; it holds no payload and no secret. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** The HTTP status, or the code of a metav1.Status that came as an ERROR event of a watch. */
  readonly status: number;
  /** metav1.Status's reason, such as `NotFound` or `Conflict`; empty where the answer was no Status. */
  readonly reason: string;
  readonly retryAfterMilliseconds: number | undefined;

  constructor(status: number, reason: string, message: string, retryAfterMilliseconds?: number) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.retryAfterMilliseconds = retryAfterMilliseconds;
  }
}

/**
 * Whether the object does not exist. A bare 404 is something else: the API server has no such resource (yet),
 * and says nothing about the object.
 */
export const isNotFound = (error: unknown): error is ApiError =>
  error instanceof ApiError && error.status === 404 && error.reason === 'NotFound';

/** Whether the resource version that was asked for, or a list's continue token, is too old to go on from. */
export const isExpired = (error: unknown): error is ApiError =>
  error instanceof ApiError &&
  (error.status === 410 || error.reason === 'Expired' || error.reason === 'Gone');

const LONGEST_RETRY_AFTER_MILLISECONDS = 60_000;

/** For how long the API server has asked to be left alone, a minute at most; 0 where it has not. */
export const retryAfterOf = (error: unknown): number =>
  error instanceof ApiError
    ? Math.min(error.retryAfterMilliseconds ?? 0, LONGEST_RETRY_AFTER_MILLISECONDS)
    : 0;
