import { aFlagUpdated, anAuditLog } from '../support/eventSpec.ts';
import { randomBehaviour, type Behaviour } from './behaviour.ts';
import { seededRandom, type Random } from './random.ts';
import type { SoakEndpoint, SoakEvent } from './run.ts';

export interface ScenarioOptions {
  readonly seed: number;
  readonly endpoints: number;
  readonly events: number;
  /** Over how many milliseconds the events are created; after that every receiver is well. */
  readonly milliseconds: number;
  readonly giveUpAfterSeconds: number;
  readonly maxDelaySeconds: number;
}

export interface PlannedEndpoint extends Omit<SoakEndpoint, 'status'> {
  /** Its spec, without the URL and the signing key. */
  readonly spec: Readonly<Record<string, unknown>>;
  readonly behaviour: Behaviour;
}

export interface PlannedEvent extends Pick<SoakEvent, 'name' | 'body' | 'wantedBy'> {
  readonly topic: string;
  readonly spec: ReturnType<typeof aFlagUpdated>;
  /** When it is created, in milliseconds after the begin. */
  readonly at: number;
}

/** Who is there, and what happens when; the same for a seed, but for what depends on UIDs and on the order of requests. */
export interface Scenario {
  readonly endpoints: readonly PlannedEndpoint[];
  /** In the order of their creation. */
  readonly events: readonly PlannedEvent[];
}

/** The label of events by which endpoints choose them. */
export const TOPIC_LABEL = 'topic';

const GONE_ONE_IN = 15;

export function randomScenario(options: ScenarioOptions): Scenario {
  const random = seededRandom(options.seed);
  const topics = Math.ceil(options.endpoints / 2);
  const endpoints = Array.from({ length: options.endpoints }, (_, index) => {
    const endpoint = plan(options, random, index);
    const wants = [...new Set([index % topics, ...(random.chance(0.3) ? [random.integer(0, topics)] : [])])];
    return { ...endpoint, topics: wants.map((topic) => `topic-${topic}`), takesAudits: random.chance(0.7) };
  });
  return {
    endpoints: endpoints.map(({ topics: values, takesAudits, ...endpoint }) => ({
      ...endpoint,
      spec: {
        ...endpoint.spec,
        eventTypes: takesAudits ? ['FLAG_UPDATED', 'AUDIT_LOG'] : ['FLAG_UPDATED'],
        match: { selector: { matchExpressions: [{ key: TOPIC_LABEL, operator: 'In', values }] } },
      },
    })),
    events: Array.from({ length: options.events }, (_, index) => {
      // One topic has no endpoint, or nearly none.
      const topic = `topic-${random.integer(0, topics)}`;
      const isAudit = random.chance(0.1);
      const spec = isAudit
        ? anAuditLog({ log: `change ${index}` })
        : aFlagUpdated({
            changed_by: `user-${index}`,
            previous_state: random.chance(0.2) ? null : undefined,
          });
      return {
        name: `event-${index}`,
        topic,
        spec,
        at: Math.floor((index / options.events) * options.milliseconds),
        body: bodyOf(spec),
        wantedBy: endpoints
          .filter((endpoint) => endpoint.topics.includes(topic) && (endpoint.takesAudits || !isAudit))
          .map(({ name }) => name)
          .toSorted(),
      };
    }),
  };
}

function plan(
  { milliseconds, giveUpAfterSeconds, maxDelaySeconds }: ScenarioOptions,
  random: Random,
  index: number,
): PlannedEndpoint {
  const name = `endpoint-${index}`;
  const retry = {
    initialDelaySeconds: random.integer(2, Math.min(5, maxDelaySeconds)),
    maxDelaySeconds,
    giveUpAfterSeconds: random.chance(0.1) ? 0 : giveUpAfterSeconds,
    ...(random.chance(0.15) ? { maxAttempts: random.integer(2, 4) } : {}),
  };
  const timeoutSeconds = random.integer(1, 3);
  const maxInFlight = random.pick([1, 2, 4, 8]);
  const behaviour = randomBehaviour(random, {
    moodMilliseconds: milliseconds / 5,
    wellFrom: milliseconds,
    goneFrom:
      index % GONE_ONE_IN === GONE_ONE_IN - 1 ? random.integer(milliseconds / 4, milliseconds) : undefined,
  });
  const spec = { retry, timeoutSeconds, maxInFlight };
  return { name, path: `/hooks/${name}`, retry, timeoutSeconds, maxInFlight, spec, behaviour };
}

/** Keys sorted at every depth, no white space (api.md, The request). */
function bodyOf(spec: PlannedEvent['spec']): string {
  const payload = spec.auditLog ?? { data: spec.flagUpdated, event_type: spec.type };
  return JSON.stringify(payload, (_, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}
