import type { Delivery } from '../../src/api/flagEvent.ts';
import { attemptsOf, isGone, type Attempt } from './attempts.ts';
import type { LoggedRequest, Run, SoakEndpoint, SoakEvent } from './run.ts';

/** A delivery that an event lists, and what the logs have of it. */
export interface DeliveryFacts {
  readonly event: SoakEvent;
  readonly endpoint: SoakEndpoint;
  readonly delivery: Delivery;
  readonly attempts: readonly Attempt[];
}

export interface EndpointFacts {
  readonly endpoint: SoakEndpoint;
  readonly deliveries: readonly DeliveryFacts[];
  /** In the order of their arrival. */
  readonly attempts: readonly Attempt[];
  /** When it answered 410 for the first time, in milliseconds since 1970. */
  readonly goneAt?: number;
}

/** A run, sorted by delivery and by endpoint. */
export interface Facts {
  readonly run: Run;
  readonly deliveries: readonly DeliveryFacts[];
  readonly endpoints: readonly EndpointFacts[];
}

/** A rule of api.md: what a run has done against it, a sentence each. */
export type Rule = (facts: Facts) => readonly string[];

export function factsOf(run: Run): Facts {
  const endpointByName = new Map(run.endpoints.map((endpoint) => [endpoint.name, endpoint]));
  const requestsById = Map.groupBy(run.requests, ({ deliveryID }) => deliveryID);
  const deliveries = run.events.flatMap((event) =>
    (event.status.deliveries ?? []).flatMap((delivery): DeliveryFacts[] => {
      const endpoint = endpointByName.get(delivery.endpointName);
      if (!endpoint) return [];
      const requests: readonly LoggedRequest[] = requestsById.get(delivery.deliveryID) ?? [];
      return [{ event, endpoint, delivery, attempts: attemptsOf(endpoint, requests) }];
    }),
  );
  const byEndpoint = Map.groupBy(deliveries, ({ endpoint }) => endpoint);
  const endpoints = run.endpoints.map((endpoint): EndpointFacts => {
    const own = byEndpoint.get(endpoint) ?? [];
    const attempts = own.flatMap((facts) => facts.attempts).toSorted((a, b) => a.arrivedAt - b.arrivedAt);
    const gone = attempts.filter(isGone).map(({ endedAt }) => endedAt);
    return { endpoint, deliveries: own, attempts, goneAt: gone.length > 0 ? Math.min(...gone) : undefined };
  });
  return { run, deliveries, endpoints };
}

/** How a sentence names an attempt. */
export function nameOf({ deliveryID, number, endpoint, arrivedAt }: Attempt): string {
  return `attempt ${number} of ${deliveryID} to ${endpoint.name} at ${timeOf(arrivedAt)}`;
}

/** How a sentence names a delivery. */
export function nameOfDelivery({ event, endpoint, delivery }: DeliveryFacts): string {
  return `the delivery of ${event.name} to ${endpoint.name} (${delivery.deliveryID})`;
}

/** The time of day, to the millisecond. */
export function timeOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(11, -1);
}
