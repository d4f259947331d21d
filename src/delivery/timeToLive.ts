import type { FinishedEvent } from '../api/finishedEvent.ts';
import { unhandledRedeliver } from './redeliver.ts';

/** How long finished events are kept that don't say so themselves, in seconds; -1 for ever. */
export interface DefaultTimesToLive {
  readonly ttlSucceededSeconds: number;
  readonly ttlFailedSeconds: number;
}

/** Whether an event has ended, and not well. */
export function hasFailed({ status }: FinishedEvent): boolean {
  return status?.conditions?.some(({ type, status: is }) => type === 'Succeeded' && is === 'False') ?? false;
}

/** How long an event is kept once it has finished, in seconds; Infinity where for ever. */
export function secondsToLive(event: FinishedEvent, defaults: DefaultTimesToLive): number {
  const otherwise = hasFailed(event) ? defaults.ttlFailedSeconds : defaults.ttlSucceededSeconds;
  const seconds = event.spec.ttlSecondsAfterFinished ?? otherwise;
  return seconds < 0 ? Infinity : seconds;
}

/** When an event's time to live is over, in milliseconds since 1970; Infinity where never, or where it has not finished. */
export function expiresAt(event: FinishedEvent, defaults: DefaultTimesToLive): number {
  return completedAt(event) + secondsToLive(event, defaults) * 1000;
}

/** When an event has finished, in milliseconds since 1970; Infinity where it has not. */
export function completedAt({ metadata, status }: FinishedEvent): number {
  if (status?.completionTime === undefined) return Infinity;
  // None finishes before it was created; what says so was written under a wrong clock.
  return Math.max(Date.parse(status.completionTime), Date.parse(metadata.creationTimestamp));
}

/** Whether an event that has finished is to be left alone: it is going already, or is to be sent again. */
export function isLeftAlone(event: FinishedEvent): boolean {
  return event.metadata.deletionTimestamp !== undefined || unhandledRedeliver(event) !== undefined;
}
