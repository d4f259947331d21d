import { reasonOf } from './attempts.ts';
import { factsOf } from './facts.ts';
import type { Run } from './run.ts';
import { openingsOf } from './openings.ts';

/** What happened in a run, so that one sees that it was worth checking; a line each. */
export function summaryOf(run: Run): string[] {
  const { deliveries, endpoints } = factsOf(run);
  const attempts = endpoints.flatMap((endpoint) => endpoint.attempts);
  const openings = endpoints.flatMap(openingsOf);
  const probes = openings.flatMap((opening) => opening.probes);
  const replaced = attempts.filter(({ requests }) => requests.length > 1);
  return [
    `${run.events.length} events, ${counts(run.events.map(({ status }) => String(status.conditions?.[0]?.reason)))}`,
    `${deliveries.length} deliveries, ${counts(deliveries.map(({ delivery }) => `${delivery.state} ${delivery.reason}`))}`,
    `${attempts.length} attempts, ${counts(attempts.map(reasonOf))}`,
    `${openings.length} openings of circuits with ${probes.length} probes, ${replaced.length} attempts with another connection`,
  ];
}

function counts(values: readonly string[]): string {
  const groups = [...Map.groupBy(values, (value) => value)].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return groups.map(([value, { length }]) => `${length} ${value}`).join(', ');
}
