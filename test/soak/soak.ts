import { setTimeout as delay } from 'node:timers/promises';
import type { FlagEvent } from '../../src/api/flagEvent.ts';
import type { WebhookEndpoint } from '../../src/api/webhookEndpoint.ts';
import { AdminClient } from '../support/adminClient.ts';
import type { Tenant } from '../support/tenant.ts';
import { waitUntil } from '../support/waitUntil.ts';
import { violations } from './checker.ts';
import type { Run } from './run.ts';
import { TOPIC_LABEL, type Scenario } from './scenario.ts';
import { startSoakReceiver, type SoakReceiver } from './soakReceiver.ts';

export interface SoakOptions {
  readonly scenario: Scenario;
  readonly receivers: number;
  /** How long it may take until all has ended, once the last event was created. */
  readonly endsWithinMilliseconds: number;
  /** Called now and then with how many events were created, and how many have not ended. */
  readonly onProgress?: (created: number, unfinished: number) => void;
}

export interface SoakResult {
  readonly run: Run;
  readonly violations: readonly string[];
}

const SIGNING_KEY = 'a key for all';
// An endpoint's last status comes at the latest 5 s after what it says.
const STATUSES_WITHIN_MILLISECONDS = 10_000;

/** Plays a scenario in a namespace in which an operator works, waits until all has ended, and checks what was done. */
export async function soak(tenant: Tenant, options: SoakOptions): Promise<SoakResult> {
  const { scenario, endsWithinMilliseconds, onProgress = () => {} } = options;
  const client = new AdminClient(tenant.cluster);
  const receivers: SoakReceiver[] = [];
  let begin = Date.now();
  const behaviours = new Map(scenario.endpoints.map(({ path, behaviour }) => [path, behaviour]));
  const react = (path: string, deliveryID: string) =>
    behaviours.get(path)?.(deliveryID, Date.now() - begin) ?? {
      answer: { status: 404 },
      afterMilliseconds: 0,
    };
  try {
    for (let index = 0; index < options.receivers; index += 1) {
      receivers.push(await startSoakReceiver({ signingKey: SIGNING_KEY, react }));
    }
    await tenant.createSecret('hook', { key: SIGNING_KEY });
    for (const [index, { name, path, spec }] of scenario.endpoints.entries()) {
      const origin = receivers[index % receivers.length]?.origin;
      const signingKeys = [{ secretKeyRef: { name: 'hook', key: 'key' } }];
      await tenant.createEndpoint(name, { ...spec, url: `${origin}${path}`, signingKeys });
    }
    begin = Date.now();
    for (const [index, { name, spec, topic, at }] of scenario.events.entries()) {
      await delay(Math.max(0, begin + at - Date.now()));
      await tenant.createEvent(name, spec, { labels: { [TOPIC_LABEL]: topic } });
      if (index % 100 === 99) onProgress(index + 1, await countUnfinished(client, tenant));
    }
    await waitUntil(
      'all events to end',
      async () => {
        const unfinished = await countUnfinished(client, tenant);
        onProgress(scenario.events.length, unfinished);
        return unfinished === 0;
      },
      { timeoutMs: endsWithinMilliseconds, everyMs: 2000 },
    ).catch(() => {
      // The checker says which.
    });
    return await collect(client, tenant, scenario, receivers);
  } finally {
    await Promise.all(receivers.map((receiver) => receiver.close()));
    await client.close();
  }
}

/** Reads what is left, again until nothing is wrong: the endpoints' statuses may still be on their way. */
async function collect(
  client: AdminClient,
  tenant: Tenant,
  scenario: Scenario,
  receivers: readonly SoakReceiver[],
): Promise<SoakResult> {
  const end = Date.now() + STATUSES_WITHIN_MILLISECONDS;
  for (;;) {
    const events = new Map((await list<FlagEvent>(client, tenant, 'flagevents')).map(byName));
    const endpoints = new Map((await list<WebhookEndpoint>(client, tenant, 'webhookendpoints')).map(byName));
    const run: Run = {
      endpoints: scenario.endpoints.map((endpoint) => ({
        ...endpoint,
        status: endpoints.get(endpoint.name)?.status ?? {},
      })),
      events: scenario.events.map((event) => {
        const { metadata, status = {} } = events.get(event.name) ?? {};
        return { ...event, createdAt: Date.parse(metadata?.creationTimestamp ?? ''), status };
      }),
      requests: receivers.flatMap(({ log }) => log),
    };
    const found = violations(run);
    if (found.length === 0 || Date.now() > end) return { run, violations: found };
    await delay(500);
  }
}

function byName<T extends FlagEvent | WebhookEndpoint>(object: T): readonly [string, T] {
  return [object.metadata.name, object];
}

async function list<T>(client: AdminClient, { namespace }: Tenant, plural: string): Promise<T[]> {
  const path = `/apis/flagpost.dev/v1alpha1/namespaces/${namespace}/${plural}`;
  const { status, body } = await client.call('GET', path);
  if (status !== 200) throw new Error(`GET ${path}: ${status}`);
  return body['items'] as T[];
}

async function countUnfinished(client: AdminClient, { namespace }: Tenant): Promise<number> {
  const path = `/apis/flagpost.dev/v1alpha1/namespaces/${namespace}/flagevents?fieldSelector=status.completionTime=`;
  const accept = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';
  const { status, body } = await client.call('GET', path, { accept });
  if (status !== 200) throw new Error(`GET ${path}: ${status}`);
  return (body['items'] as unknown[]).length;
}
