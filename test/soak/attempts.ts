import type { LoggedRequest, SoakEndpoint } from './run.ts';

/**
 * One attempt of a delivery as the logs show it: a request, or two where a connection that was kept alive turned out to be
 * closed. Times in milliseconds since 1970.
 */
export interface Attempt extends LoggedRequest {
  readonly endpoint: SoakEndpoint;
  /** Counted from 1. */
  readonly number: number;
  readonly requests: readonly LoggedRequest[];
  /** No earlier than this has the operator seen its end; `endedAt` bounds it from above, but for the way to it. */
  readonly endedFrom: number;
}

/** By how much, in milliseconds, a receiver may see something later than the operator, or the operator than a receiver. */
export const SLACK_MILLISECONDS = 500;

/** Puts the requests of one delivery together as attempts, in their order. */
export function attemptsOf(endpoint: SoakEndpoint, requests: readonly LoggedRequest[]): readonly Attempt[] {
  const groups: LoggedRequest[][] = [];
  for (const request of requests.toSorted((a, b) => a.arrivedAt - b.arrivedAt)) {
    const group = groups.at(-1);
    if (group && isReplacement(group, request)) group.push(request);
    else groups.push([request]);
  }
  return groups.flatMap((group, index) => {
    const [first, last] = [group[0], group.at(-1)];
    if (!first || !last) return [];
    const { arrivedAt } = first;
    const endedFrom = last.answer === 'hang' ? earliestTimeout(endpoint, arrivedAt, last) : last.endedAt;
    return { ...last, arrivedAt, endpoint, number: index + 1, requests: group, endedFrom };
  });
}

/** A kept-alive connection that turns out to be closed is replaced once within the same attempt (api.md, The request). */
function isReplacement(group: readonly LoggedRequest[], next: LoggedRequest): boolean {
  const [stale] = group;
  if (group.length > 1 || stale?.answer !== 'reset') return false;
  return stale.isReused && stale.timestamp === next.timestamp;
}

function earliestTimeout({ timeoutSeconds }: SoakEndpoint, arrivedAt: number, last: LoggedRequest): number {
  return Math.min(last.endedAt, arrivedAt + timeoutSeconds * 1000) - SLACK_MILLISECONDS;
}

export function isSuccess({ answer }: Pick<LoggedRequest, 'answer'>): boolean {
  return typeof answer === 'object' && answer.status >= 200 && answer.status < 300;
}

export function isGone({ answer }: Pick<LoggedRequest, 'answer'>): boolean {
  return typeof answer === 'object' && answer.status === 410;
}

/** Whether it is one more failure in the endpoint's row: a success and what speaks of one event begin the row anew. */
export function isFailureInRow(request: Pick<LoggedRequest, 'answer'>): boolean {
  const { answer } = request;
  return !isSuccess(request) && !(typeof answer === 'object' && [400, 413, 415, 422].includes(answer.status));
}

/** The reason of an attempt that was answered so (api.md, Reasons of a delivery). */
export function reasonOf(attempt: Pick<LoggedRequest, 'answer'>): string {
  const { answer } = attempt;
  if (answer === 'hang') return 'Timeout';
  if (answer === 'reset') return 'ConnectionReset';
  if (isSuccess(attempt)) return 'Delivered';
  if (isGone(attempt)) return 'Gone';
  return answer.status >= 300 && answer.status < 400 ? 'Redirected' : 'BadStatus';
}

/** The delay after the nth attempt has failed, without its spread, in milliseconds. */
export function backoff({ retry }: SoakEndpoint, attempts: number): number {
  return Math.min(retry.initialDelaySeconds * 2 ** (attempts - 1), retry.maxDelaySeconds) * 1000;
}
