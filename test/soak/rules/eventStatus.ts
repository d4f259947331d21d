import { isSuccess, reasonOf, SLACK_MILLISECONDS, type Attempt } from '../attempts.ts';
import { nameOf, nameOfDelivery, timeOf, type Rule } from '../facts.ts';
import type { SoakEvent } from '../run.ts';

/** The endpoints that match an event, each once, sorted by name (api.md, FlagEvent). */
export const listsWhatMatches: Rule = ({ run }) =>
  run.events
    .filter(({ status, wantedBy }) => {
      const listed = (status.deliveries ?? []).map(({ endpointName }) => endpointName);
      return listed.join() !== wantedBy.toSorted().join();
    })
    .map(({ name, status, wantedBy }) => {
      const listed = (status.deliveries ?? []).map(({ endpointName }) => endpointName);
      return `${name} lists ${listed.join(', ') || 'nothing'}, and ${wantedBy.join(', ') || 'nothing'} matches`;
    });

/** A deliveryID is of one event and one endpoint (api.md, FlagEvent). */
export const hasIdsOfItsOwn: Rule = ({ deliveries }) =>
  [...Map.groupBy(deliveries, ({ delivery }) => delivery.deliveryID)]
    .filter(([, { length }]) => length > 1)
    .map(([id, { length }]) => `${length} deliveries are called ${id}`);

/** Every event ends: completionTime is there once every delivery has ended (api.md, FlagEvent). */
export const ends: Rule = ({ run }) =>
  run.events.flatMap(({ name, status }) => {
    const pending = (status.deliveries ?? []).filter(
      ({ state, completionTime, nextAttemptTime }) =>
        state === 'Pending' || completionTime === undefined || nextAttemptTime !== undefined,
    );
    return [
      ...(status.completionTime === undefined ? [`${name} has not ended`] : []),
      ...pending.map(({ endpointName, state }) => `${name} to ${endpointName} has not ended, it is ${state}`),
    ];
  });

/** attempts: how many there were since it was taken up (api.md, FlagEvent); each reached its receiver. */
export const countsAttempts: Rule = ({ deliveries }) =>
  deliveries
    .filter(({ delivery, attempts }) => (delivery.attempts ?? 0) !== attempts.length)
    .map(
      (facts) =>
        `${nameOfDelivery(facts)} has ${facts.delivery.attempts} attempts, and ${facts.attempts.length} came`,
    );

/** A delivery that its attempts ended keeps what the last came to (api.md, Reasons of a delivery). */
export const recordsTheLastAttempt: Rule = ({ deliveries, endpoints }) => {
  const gone = new Set(
    endpoints.filter(({ goneAt }) => goneAt !== undefined).map(({ endpoint }) => endpoint),
  );
  return deliveries.flatMap((facts) => {
    const { delivery, attempts, endpoint } = facts;
    const last = attempts.at(-1);
    const endedByGone = delivery.reason === 'Gone' && delivery.state === 'Failed' && gone.has(endpoint);
    if (!last)
      return endedByGone ? [] : [`${nameOfDelivery(facts)} ended ${delivery.reason} without an attempt`];
    const wanted = {
      state: isSuccess(last) ? 'Succeeded' : 'Failed',
      reason: endedByGone && !isSuccess(last) ? 'Gone' : reasonOf(last),
      lastStatusCode: typeof last.answer === 'object' ? last.answer.status : undefined,
    };
    return Object.entries(wanted)
      .filter(([field, value]) => delivery[field as keyof typeof wanted] !== value)
      .map(([field, value]) => {
        const found = delivery[field as keyof typeof wanted];
        return `${nameOfDelivery(facts)} has the ${field} ${found}, and the last attempt says ${value}`;
      });
  });
};

// Two processes' clocks, each cut to a millisecond, of which one is carried on from its start.
const ROUNDING_MILLISECONDS = 5;

/** The times in a delivery's status are those of its attempts (api.md, FlagEvent). */
export const recordsTimes: Rule = ({ deliveries }) =>
  deliveries.flatMap(({ delivery, attempts }) => {
    const [first, last] = [attempts[0], attempts.at(-1)];
    if (!first || !last) return [];
    const began = Date.parse(delivery.lastAttemptTime ?? '');
    const lasted = delivery.lastDurationMilliseconds ?? NaN;
    return [
      ...nearly(first, 'firstAttemptTime', Date.parse(delivery.firstAttemptTime ?? ''), first.arrivedAt),
      ...nearly(last, 'lastAttemptTime', began, last.arrivedAt),
      ...nearly(last, 'end, by lastDurationMilliseconds,', began + lasted, last.endedAt),
      ...(Math.floor(began / 1000) === last.timestamp ? [] : [`${nameOf(last)} was sent with another time`]),
      ...(Date.parse(delivery.completionTime ?? '') >= last.endedFrom - ROUNDING_MILLISECONDS
        ? []
        : [`${nameOf(last)} ended later`]),
    ];
  });

/** At most 256 characters of printable ASCII, nothing of the URL's path (api.md, FlagEvent). */
export const saysNothingSecret: Rule = ({ deliveries }) =>
  deliveries
    .filter(
      ({ delivery, endpoint }) =>
        !/^[ -~]{1,256}$/.test(delivery.message ?? '') || delivery.message?.includes(endpoint.path),
    )
    .map((facts) => `${nameOfDelivery(facts)} has the message ${JSON.stringify(facts.delivery.message)}`);

/** Conditions and `delivered` follow from the deliveries (api.md, FlagEvent). */
export const sumsUp: Rule = ({ run }) =>
  run.events.flatMap((event) => {
    const { name, status } = event;
    const found = [
      ...(status.conditions ?? []).map(({ type, status, reason }) => `${type} ${status} ${reason}`),
      `${status.delivered} delivered`,
    ];
    const wanted = summaryOf(event);
    return found.toSorted().join() === wanted.toSorted().join()
      ? []
      : [`${name} says ${found.join(', ')}, and its deliveries ${wanted.join(', ')}`];
  });

function summaryOf({ status }: SoakEvent): string[] {
  const { deliveries = [] } = status;
  const succeeded = deliveries.filter(({ state }) => state === 'Succeeded').length;
  const hasFailed = deliveries.some(({ state }) => state === 'Failed');
  const reason =
    deliveries.length === 0 ? 'NoMatchingEndpoint' : hasFailed ? 'DeliveryFailed' : 'AllDelivered';
  return [
    `Succeeded ${hasFailed ? 'False' : 'True'} ${reason}`,
    `Reconciling False ${reason}`,
    `Stalled ${hasFailed ? 'True' : 'False'} ${reason}`,
    `${succeeded}/${deliveries.length} delivered`,
  ];
}

function nearly(attempt: Attempt, what: string, found: number, wanted: number): string[] {
  const isNear = Math.abs(found - wanted) <= SLACK_MILLISECONDS;
  return isNear
    ? []
    : [`${nameOf(attempt)}: its ${what} is ${timeOf(found)} in the status, and ${timeOf(wanted)} here`];
}
