import type { FlagEvent } from '../api/flagEvent.ts';
import type { WebhookEndpoint } from '../api/webhookEndpoint.ts';
import { takeUp, type EndpointView, type TakeUp } from '../delivery/takeUp.ts';
import type { EventContext } from './context.ts';
import type { MutableEventWork } from './eventWorks.ts';
import type { PreparedPayload } from './preparedEvents.ts';

const FENCE_RETRY_MILLISECONDS = 1000;

/** Gathers what decides where a fresh event goes, and asks for the fence. Nothing where the event is gone. */
export async function gatherTakeUp(
  context: EventContext,
  event: FlagEvent,
  work: MutableEventWork,
): Promise<TakeUp | undefined> {
  const { registry, recorder, endpointsAreCurrent } = context;
  const { namespace, labels = {} } = event.metadata;
  const prepared = await readPayload(context, event, work);
  if (!prepared) return undefined;
  if (prepared.ok) askFence(context, namespace, work);
  return takeUp({
    prepared,
    labels,
    known: registry.views(namespace),
    fenced: Array.isArray(work.fence) ? viewsOf(context, work.fence) : undefined,
    begun: work.begun.size > 0,
    storeIsCurrent: endpointsAreCurrent(namespace),
    recording: recorder.isRecording(namespace),
  });
}

/** The payload as it is sent, read again where memory no longer holds it. Nothing where the event is gone. */
export async function readPayload(
  { client, prepared }: EventContext,
  { metadata }: FlagEvent,
  work: MutableEventWork,
): Promise<PreparedPayload | undefined> {
  const read = async () => {
    const event = await client.readEvent(metadata.namespace, metadata.name);
    return event?.metadata.uid === metadata.uid ? prepared.prepare(event) : undefined;
  };
  const payload = prepared.get(metadata.uid) ?? (await read());
  work.storedBytes = payload?.storedBytes ?? 0;
  return payload;
}

function askFence(context: EventContext, namespace: string, work: MutableEventWork): void {
  if (work.fence !== undefined) return;
  const { fences, registry, enqueue, hooks } = context;
  work.fence = 'asked';
  const ask = async () => {
    const endpoints = await fences.endpoints(namespace);
    for (const endpoint of endpoints) registry.adopt(endpoint);
    const found = new Set(endpoints.map(({ metadata }) => metadata.uid));
    // What the list lacks is gone, or was created after it: only a read can tell.
    const missing = [...work.begun].filter(([uid]) => !found.has(uid) && !registry.isGone(uid));
    await Promise.all(missing.map(([uid, name]) => registry.verify(namespace, name, uid)));
    return endpoints;
  };
  ask().then(
    (endpoints) => {
      work.fence = endpoints;
      enqueue(work.key);
    },
    (error: unknown) => {
      work.fence = undefined;
      hooks.failed(work.key, 'list the endpoints of the namespace', error);
      enqueue(work.key, FENCE_RETRY_MILLISECONDS);
    },
  );
}

/** The fenced endpoints with what is known of their references; one that was deleted meanwhile is seen as such. */
function viewsOf({ registry }: EventContext, endpoints: readonly WebhookEndpoint[]): EndpointView[] {
  return endpoints.map(({ metadata, spec }) => ({
    ...(registry.view(metadata.uid) ?? { usability: 'unknown' }),
    uid: metadata.uid,
    name: metadata.name,
    spec,
    // The list is of one moment: what was deleted after it is still listed, and then ends as EndpointDeleted.
    deleting: false,
  }));
}
