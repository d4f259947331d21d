import { isFailureInRow, isSuccess, reasonOf, SLACK_MILLISECONDS, type Attempt } from '../attempts.ts';
import type { EndpointFacts, Rule } from '../facts.ts';

const MAX_RECENT_DELIVERIES = 10;

/** pendingDeliveries: those that have not ended (api.md, WebhookEndpoint). */
export const hasNothingPending: Rule = ({ endpoints }) =>
  endpoints
    .filter(({ endpoint }) => endpoint.status.pendingDeliveries !== 0)
    .map(({ endpoint }) => `${endpoint.name} has ${endpoint.status.pendingDeliveries} pending deliveries`);

/** consecutiveFailures: the row of failures; a success, 400, 413, 415 and 422 set it to 0 (api.md, Circuit). */
export const countsItsFailures: Rule = ({ endpoints }) =>
  endpoints.flatMap(({ endpoint, attempts }) => {
    const found = endpoint.status.consecutiveFailures ?? NaN;
    const { least, most } = rowOf(attempts);
    return found >= least && found <= most
      ? []
      : [`${endpoint.name} has ${found} consecutive failures, and ${least} to ${most} came`];
  });

/** lastSuccessTime and lastFailureTime are those of its attempts (api.md, WebhookEndpoint). */
export const knowsItsLastAttempts: Rule = ({ endpoints }) =>
  endpoints.flatMap(({ endpoint, attempts }) => {
    const { lastSuccessTime, lastFailureTime } = endpoint.status;
    return [
      ...nearly(endpoint.name, 'lastSuccessTime', lastSuccessTime, attempts.filter(isSuccess)),
      ...nearly(
        endpoint.name,
        'lastFailureTime',
        lastFailureTime,
        attempts.filter((attempt) => !isSuccess(attempt)),
      ),
    ];
  });

/** recentDeliveries: the last 10, newest first (api.md, WebhookEndpoint). */
export const showsTheLastTen: Rule = ({ endpoints }) =>
  endpoints.flatMap(({ endpoint, attempts }) => {
    const shown = endpoint.status.recentDeliveries ?? [];
    const wanted = Math.min(attempts.length, MAX_RECENT_DELIVERIES);
    const newest = attempts.map(({ endedAt }) => endedAt).toSorted((a, b) => b - a);
    const oldestWanted = (newest[wanted - 1] ?? 0) - SLACK_MILLISECONDS;
    const byName = new Map(attempts.map((attempt) => [`${attempt.deliveryID} ${attempt.number}`, attempt]));
    const wrong = shown.filter(({ deliveryID, attempt: number, reason, statusCode }) => {
      const attempt = byName.get(`${deliveryID} ${number}`);
      if (!attempt || attempt.endedAt < oldestWanted) return true;
      const status = typeof attempt.answer === 'object' ? attempt.answer.status : undefined;
      return reason !== reasonOf(attempt) || statusCode !== status;
    });
    return [
      ...(shown.length === wanted
        ? []
        : [`${endpoint.name} shows ${shown.length} attempts of ${attempts.length}`]),
      ...wrong.map(
        ({ deliveryID, attempt }) => `${endpoint.name} shows attempt ${attempt} of ${deliveryID} wrongly`,
      ),
    ];
  });

/** The endpoint's conditions, the first reason that applies (api.md, Conditions of an endpoint). */
export const hasItsConditions: Rule = ({ endpoints }) =>
  endpoints.flatMap((facts) => {
    const { name, status } = facts.endpoint;
    const found = (status.conditions ?? []).map(({ type, status, reason }) => `${type} ${status} ${reason}`);
    const missing = conditionsOf(facts).filter((either) => !either.some((line) => found.includes(line)));
    return missing.map((either) => `${name} says ${found.join(', ')}, and not ${either.join(' or ')}`);
  });

/** For each condition what it may say; more than one where the order of what ended together decides. */
function conditionsOf({ attempts, goneAt }: EndpointFacts): readonly string[][] {
  const isThere = goneAt === undefined;
  const ready = isThere ? 'Ready' : 'Gone';
  const { least, most } = rowOf(attempts);
  const closed = attempts.some(isSuccess) ? 'Delivering True Healthy' : 'Delivering Unknown NoDeliveries';
  return [
    [`Ready ${isThere ? 'True' : 'False'} ${ready}`],
    ['SecretsResolved True Resolved'],
    [`Reconciling False ${ready}`],
    [`Stalled ${isThere ? 'False' : 'True'} ${ready}`],
    [...(least < 5 ? [closed] : []), ...(most >= 5 ? ['Delivering False CircuitOpen'] : [])],
  ];
}

/** How many failures ended after the last that was none, in any order of what ended together. */
function rowOf(attempts: readonly Attempt[]): { readonly least: number; readonly most: number } {
  const resets = attempts.filter((attempt) => !isFailureInRow(attempt)).map(({ endedAt }) => endedAt);
  const resetAt = Math.max(-Infinity, ...resets);
  const failures = attempts.filter(isFailureInRow);
  return {
    least: failures.filter(({ endedFrom }) => endedFrom > resetAt + SLACK_MILLISECONDS).length,
    most: failures.filter(({ endedAt }) => endedAt > resetAt - SLACK_MILLISECONDS).length,
  };
}

function nearly(
  endpoint: string,
  field: string,
  found: string | undefined,
  attempts: readonly Attempt[],
): string[] {
  const wanted = Math.max(...attempts.map(({ endedAt }) => endedAt));
  const isRight =
    attempts.length === 0
      ? found === undefined
      : Math.abs(Date.parse(found ?? '') - wanted) <= SLACK_MILLISECONDS;
  return isRight ? [] : [`${endpoint} has the ${field} ${found}, and it was ${new Date(wanted).toJSON()}`];
}
