import { z } from 'zod';
import type { ReceivedRequest } from './receiver.ts';

const eventList = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string() }),
      status: z.object({
        conditions: z.array(z.object({ type: z.string(), status: z.string(), reason: z.string() })),
        deliveries: z
          .array(z.object({ endpointName: z.string(), deliveryID: z.string(), attempts: z.int().default(0) }))
          .default([]),
      }),
    }),
  ),
});

export type RecordedEvent = z.output<typeof eventList>['items'][number];

/** Of each event, the endpoints that it must have reached, with the number of attempts. */
export type Expected = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** What `kubectl get fev -o json` prints. */
export function parseEvents(json: string): RecordedEvent[] {
  return eventList.parse(JSON.parse(json)).items;
}

/** One sentence for each request whose signature was not correct. */
export function wrongSignatures(requests: readonly ReceivedRequest[]): string[] {
  return requests
    .filter(({ isSigned }) => !isSigned)
    .map(({ method, path, id }) => `wrong signature: ${method} ${path}, webhook-id ${id}`);
}

/** Compares what the events say with what the receiver got; one sentence for each difference. */
export function differences(
  expected: Expected,
  events: readonly RecordedEvent[],
  requests: readonly ReceivedRequest[],
): string[] {
  return Object.entries(expected).flatMap(([name, endpoints]) => {
    const event = events.find(({ metadata }) => metadata.name === name);
    if (!event) return [`missing event: fev/${name}`];
    const reason = event.status.conditions.find(({ type }) => type === 'Succeeded')?.reason;
    const { deliveries } = event.status;
    const unexpected = deliveries.filter(({ endpointName }) => !(endpointName in endpoints));
    return [
      ...(reason === 'AllDelivered' ? [] : [`fev/${name}: Succeeded is ${reason}, not AllDelivered`]),
      ...unexpected.map(({ endpointName }) => `fev/${name}: ${endpointName} was not to get it`),
      ...Object.entries(endpoints).flatMap(([endpoint, attempts]) => {
        const delivery = deliveries.find(({ endpointName }) => endpointName === endpoint);
        if (!delivery) return [`fev/${name}: no delivery to ${endpoint}`];
        const arrived = requests.filter(({ id }) => id === delivery.deliveryID);
        return differencesOf(`fev/${name} to ${endpoint}`, attempts, delivery.attempts, arrived);
      }),
    ];
  });
}

function differencesOf(
  what: string,
  wanted: number,
  recorded: number,
  arrived: readonly ReceivedRequest[],
): string[] {
  const [first] = arrived;
  if (!first) return [`missing request: ${what}`];
  return [
    ...(recorded === wanted ? [] : [`${what}: ${recorded} attempts are recorded, not ${wanted}`]),
    ...(arrived.length === wanted ? [] : [`${what}: ${arrived.length} requests arrived, not ${wanted}`]),
    ...(arrived.at(-1)?.status === 200 ? [] : [`${what}: the last request was not answered with 200`]),
    ...(arrived.every(({ body }) => body.equals(first.body)) ? [] : [`${what}: the attempts' bodies differ`]),
  ];
}
