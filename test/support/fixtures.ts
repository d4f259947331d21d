import type { Delivery, FlagEvent } from '../../src/api/flagEvent.ts';
import type { ResourceVersion, UID } from '../../src/api/objectMeta.ts';
import type { EndpointView } from '../../src/delivery/takeUp.ts';
import { webhookEndpointSpec, type WebhookEndpoint } from '../../src/api/webhookEndpoint.ts';

/** A UID that can be told from others by its name. */
export function uid(text: string): UID {
  return text as UID;
}

type Metadata = Partial<WebhookEndpoint['metadata']>;

function metadataOf(name: string, metadata: Metadata) {
  return {
    name,
    namespace: 'shop',
    uid: uid(`uid-${name}`),
    resourceVersion: '1' as ResourceVersion,
    generation: 1,
    creationTimestamp: '2026-11-25T00:00:00Z',
    ...metadata,
  };
}

/** An endpoint that wants every FLAG_UPDATED, with the schema's defaults. */
export function anEndpoint({
  name = 'flag-cache',
  spec = {},
  metadata = {},
  status,
}: {
  name?: string;
  spec?: object;
  metadata?: Metadata;
  status?: WebhookEndpoint['status'];
} = {}): WebhookEndpoint {
  const url = 'urlSecretKeyRef' in spec ? {} : { url: `https://${name}.shop.svc/hooks` };
  return {
    metadata: metadataOf(name, metadata),
    spec: webhookEndpointSpec.parse({ ...url, eventTypes: ['FLAG_UPDATED'], ...spec }),
    status,
  };
}

/** An event without its payload, as the store has it; not taken up unless it has a status. */
export function anEvent({
  name = 'butter-bar',
  metadata = {},
  status,
}: { name?: string; metadata?: Metadata; status?: FlagEvent['status'] } = {}): FlagEvent {
  return { metadata: metadataOf(name, metadata), spec: { type: 'FLAG_UPDATED' }, status };
}

/** A pending delivery to an endpoint made by anEndpoint, without an attempt. */
export function aDelivery(changes: Partial<Delivery> = {}): Delivery {
  const { endpointName = 'flag-cache' } = changes;
  return {
    endpointName,
    endpointUID: uid(`uid-${endpointName}`),
    deliveryID: `msg_${endpointName}`,
    state: 'Pending',
    startTime: '2026-11-25T00:00:00.000Z',
    redeliveries: 0,
    attempts: 0,
    ...changes,
  };
}

/** An endpoint as planning sees it, that can be used. */
export function aView(name: string, changes: Partial<EndpointView> = {}): EndpointView {
  const { spec } = anEndpoint({ name });
  return {
    uid: uid(`uid-${name}`),
    name,
    spec,
    deleting: false,
    usability: 'usable',
    ...changes,
  };
}
