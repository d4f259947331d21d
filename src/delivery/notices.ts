import type { Condition } from '../api/condition.ts';
import type { Delivery, FlagEventStatus } from '../api/flagEvent.ts';
import type { Notice } from '../api/notice.ts';
import type { EndpointConditionType, EventConditionType } from '../api/reasons.ts';
import type { WebhookEndpointStatus } from '../api/webhookEndpoint.ts';
import { printable } from './printable.ts';
import { isSince, REDELIVER_SINCE_ANNOTATION } from './redeliverSince.ts';

/** What is worth telling about a FlagEvent whose status was written, given the one that was there before. */
export function eventNotices(before: FlagEventStatus | undefined, now: FlagEventStatus): readonly Notice[] {
  return [...noticesOfEnd(before, now), ...noticesOfFailures(before, now)];
}

/** What is worth telling about a WebhookEndpoint whose status was written, given the one that was there before. */
export function endpointNotices(
  before: WebhookEndpointStatus | undefined,
  now: WebhookEndpointStatus,
): readonly Notice[] {
  return [
    ...noticesOfReady(conditionOf(before, 'Ready'), conditionOf(now, 'Ready')),
    ...noticesOfCircuit(conditionOf(before, 'Delivering'), conditionOf(now, 'Delivering')),
    ...noticesOfRedelivery(before?.lastHandledRedeliverSince, now.lastHandledRedeliverSince),
  ];
}

/** That an annotation of an endpoint can't be used; `problem` says in words what becomes of it, and why. */
export function annotationNotice(action: Notice['action'], annotation: string, problem: string): Notice {
  return noticeOf('Warning', 'InvalidAnnotation', action, `The annotation ${annotation} ${problem}.`);
}

/** An event that ended before anything was sent. */
function noticesOfEnd(before: FlagEventStatus | undefined, now: FlagEventStatus): readonly Notice[] {
  const hasEnded = before?.completionTime === undefined && now.completionTime !== undefined;
  const succeeded = conditionOf(now, 'Succeeded');
  if (!hasEnded || !succeeded || now.deliveries?.length) return [];
  const type = succeeded.status === 'True' ? 'Normal' : 'Warning';
  return [noticeOf(type, succeeded.reason, 'TakeUp', succeeded.message)];
}

/** One notice however many they are: an event may have 1,000 deliveries. */
function noticesOfFailures(before: FlagEventStatus | undefined, now: FlagEventStatus): readonly Notice[] {
  const knownBefore = new Set(failedOf(before).map(({ endpointUID }) => endpointUID));
  const failed = failedOf(now).filter(({ endpointUID }) => !knownBefore.has(endpointUID));
  return failed.length > 0 ? [noticeOf('Warning', 'DeliveryFailed', 'Deliver', failureNote(failed))] : [];
}

function failedOf(status: FlagEventStatus | undefined): readonly Delivery[] {
  return status?.deliveries?.filter(({ state }) => state === 'Failed') ?? [];
}

const NAMED_FAILURES = 5;

function failureNote(failed: readonly Delivery[]): string {
  const named = failed.slice(0, NAMED_FAILURES);
  const names = named.map(({ endpointName, reason = 'Failed' }) => `${endpointName} (${reason})`).join(', ');
  if (failed.length === 1) return `1 delivery failed: ${names}. ${failed[0]?.message ?? ''}`.trim();
  const rest = failed.length - named.length;
  return `${failed.length} deliveries failed: ${names}${rest > 0 ? ` and ${rest} more` : ''}; see status.deliveries.`;
}

/** Whatever its reason is: a Secret, a ConfigMap, the URL, or a receiver that is gone. */
function noticesOfReady(before: Condition | undefined, now: Condition | undefined): readonly Notice[] {
  if (now?.status === 'False') {
    const { reason, message } = now;
    const isKnown = before?.status === 'False' && before.reason === reason && before.message === message;
    return isKnown ? [] : [noticeOf('Warning', reason, 'Resolve', message)];
  }
  return before?.status === 'False' && now ? [noticeOf('Normal', now.reason, 'Resolve', now.message)] : [];
}

function noticesOfCircuit(before: Condition | undefined, now: Condition | undefined): readonly Notice[] {
  const wasOpen = before?.reason === 'CircuitOpen';
  const isOpen = now?.reason === 'CircuitOpen';
  if (isOpen && !wasOpen) return [noticeOf('Warning', now.reason, 'Deliver', now.message)];
  const closed = 'The circuit has closed; deliveries wait for it no longer.';
  return wasOpen && !isOpen ? [noticeOf('Normal', 'CircuitClosed', 'Deliver', closed)] : [];
}

/** A value of the annotation that was handled by now, although it is no time. */
function noticesOfRedelivery(before: string | undefined, handled: string | undefined): readonly Notice[] {
  if (handled === undefined || handled === before || isSince(handled)) return [];
  const problem = 'is ignored, since its value is no time such as 2026-11-24T00:00:00Z';
  return [annotationNotice('Redeliver', REDELIVER_SINCE_ANNOTATION, problem)];
}

function conditionOf(
  status: FlagEventStatus | WebhookEndpointStatus | undefined,
  wanted: EventConditionType | EndpointConditionType,
): Condition | undefined {
  return status?.conditions?.find(({ type }) => type === wanted);
}

// What the API server takes at most: pkg/apis/core/validation/events.go.
const MAX_NOTE_LENGTH = 1024;

function noticeOf(type: Notice['type'], reason: string, action: Notice['action'], message: string): Notice {
  const note = printable(message);
  const isLong = note.length > MAX_NOTE_LENGTH;
  return { type, reason, action, note: isLong ? `${note.slice(0, MAX_NOTE_LENGTH - 3)}...` : note };
}
