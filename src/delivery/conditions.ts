import type { ConditionReason, EndpointConditionType, EventConditionType } from '../api/reasons.ts';
import type { Condition } from '../api/condition.ts';

/** What a condition should say; when it last changed and for which generation is added by `setConditions`. */
export interface WantedCondition {
  readonly type: EventConditionType | EndpointConditionType;
  readonly status: Condition['status'];
  readonly reason: ConditionReason;
  readonly message: string;
}

/**
 * The conditions as they should be, in the order wanted. `lastTransitionTime` moves only when the status does (API
 * conventions, "Typical status properties"); a condition that stays as it was is given back as the same object.
 */
export function setConditions(
  previous: readonly Condition[],
  wanted: readonly WantedCondition[],
  generation: number,
  now: string,
): Condition[] {
  return wanted.map((want) => {
    const before = previous.find(({ type }) => type === want.type);
    const same =
      before?.status === want.status &&
      before.reason === want.reason &&
      before.message === want.message &&
      before.observedGeneration === generation;
    if (before && same) return before;
    const lastTransitionTime = before?.status === want.status ? before.lastTransitionTime : now;
    return { ...want, observedGeneration: generation, lastTransitionTime };
  });
}

/** Whether two lists hold the same objects; what did not change is never copied, so identity is enough. */
export function sameItems<T>(left: readonly T[], right: readonly T[]): boolean {
  return left.length === right.length && left.every((item, index) => item === right[index]);
}

/** A time as statuses have it: RFC 3339 in UTC, to the millisecond, from milliseconds since 1970. */
export function timestamp(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
