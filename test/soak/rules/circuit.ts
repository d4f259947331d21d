import { backoff, SLACK_MILLISECONDS, type Attempt } from '../attempts.ts';
import { nameOf, timeOf, type DeliveryFacts, type Rule } from '../facts.ts';
import { openingsOf, type Opening } from '../openings.ts';

const FIRST_PROBE_MILLISECONDS = 5000;
const LONGEST_PROBE_MILLISECONDS = 300_000;

/** After 5 failures in a row one probe goes after 5 s, doubling to 5 min (api.md, Circuit). */
export const probesOneByOne: Rule = ({ endpoints }) =>
  endpoints.flatMap((facts) => openingsOf(facts).flatMap(tooEarly));

/** The probe is the delivery that has been due longest; one in its backoff isn't due (api.md, Circuit). */
export const probesWithTheLongestDue: Rule = ({ endpoints }) =>
  endpoints.flatMap((facts) =>
    openingsOf(facts).flatMap(({ probes }) =>
      probes.flatMap((probe) => {
        const own = facts.deliveries.find(({ delivery }) => delivery.deliveryID === probe.deliveryID);
        const since = own && dueBefore(own, probe)?.from;
        if (since === undefined) return [];
        return facts.deliveries.flatMap((other) => {
          const due = other === own ? undefined : dueBefore(other, probe);
          return due && due.to < since
            ? [
                `${nameOf(probe)} probes, due since ${timeOf(since)}, and ${other.delivery.deliveryID} since ${timeOf(due.to)}`,
              ]
            : [];
        });
      }),
    ),
  );

function tooEarly({ openedFrom, probes }: Opening): string[] {
  return probes.flatMap((probe, failed) => {
    const before = probes[failed - 1];
    const delay = Math.min(FIRST_PROBE_MILLISECONDS * 2 ** failed, LONGEST_PROBE_MILLISECONDS);
    const from = (before?.endedFrom ?? openedFrom) + delay;
    return probe.arrivedAt < from
      ? [
          `${nameOf(probe)} came before ${timeOf(from)} through a circuit that opened at ${timeOf(openedFrom)}`,
        ]
      : [];
  });
}

/** Since when a delivery was due as a probe began, between two times; nothing where it may not have been. */
function dueBefore(
  { event, endpoint, delivery, attempts }: DeliveryFacts,
  { arrivedAt }: Attempt,
): { readonly from: number; readonly to: number } | undefined {
  const done = attempts.filter((attempt) => attempt.arrivedAt < arrivedAt);
  const last = done.at(-1);
  const due = last
    ? {
        from: last.endedFrom + backoff(endpoint, last.number) * 0.8,
        to: last.endedAt + SLACK_MILLISECONDS + backoff(endpoint, last.number) * 1.2,
      }
    : { from: event.createdAt, to: event.createdAt };
  // It has to be seen, and a failure to be written, before the delivery is in its place.
  const wasThere = Math.max(due.to, event.createdAt + 1000) + 2 * SLACK_MILLISECONDS < arrivedAt;
  const isOver =
    attempts.length === done.length && Date.parse(delivery.completionTime ?? '') <= arrivedAt + 2000;
  const isProbe = attempts.some((attempt) => attempt.arrivedAt === arrivedAt);
  return isProbe || (wasThere && !isOver) ? due : undefined;
}
