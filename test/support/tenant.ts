import type { Delivery, FlagEvent, FlagEventStatus } from '../../src/api/flagEvent.ts';
import type { Condition } from '../../src/api/condition.ts';
import type { WebhookEndpoint, WebhookEndpointStatus } from '../../src/api/webhookEndpoint.ts';
import { AdminClient } from './adminClient.ts';
import type { Cluster } from './cluster.ts';
import { aFlagUpdated } from './eventSpec.ts';
import { waitUntil } from './waitUntil.ts';

type Json = Readonly<Record<string, unknown>>;

/** What is read of an events.k8s.io/v1 Event. */
export interface NoticeEvent {
  readonly type: string;
  readonly reason: string;
  readonly action: string;
  readonly note: string;
  readonly regarding: { readonly kind: string; readonly name: string; readonly uid: string };
  readonly series?: { readonly count: number };
}

/** A namespace with somebody in it who declares endpoints, Secrets and events. Objects are named by whoever makes them. */
export interface Tenant {
  readonly cluster: Cluster;
  readonly namespace: string;
  readonly createEndpoint: (name: string, spec: Json, metadata?: Json) => Promise<WebhookEndpoint>;
  readonly createEvent: (name: string, spec?: unknown, metadata?: Json) => Promise<FlagEvent>;
  readonly createSecret: (
    name: string,
    data: Readonly<Record<string, string | Buffer>>,
    more?: Json,
  ) => Promise<void>;
  readonly createConfigMap: (name: string, data: Readonly<Record<string, string>>) => Promise<void>;
  /** Replaces the values of a Secret. */
  readonly updateSecret: (
    name: string,
    data: Readonly<Record<string, string | Buffer>>,
    more?: Json,
  ) => Promise<void>;
  readonly updateConfigMap: (name: string, data: Readonly<Record<string, string>>) => Promise<void>;
  /** Merges a patch into an endpoint. */
  readonly patchEndpoint: (name: string, patch: Json) => Promise<void>;
  /** Merges a patch into an event. */
  readonly patchEvent: (name: string, patch: Json) => Promise<void>;
  readonly delete: (
    kind: 'flagevent' | 'webhookendpoint' | 'secret' | 'configmap',
    name: string,
  ) => Promise<void>;
  readonly event: (name: string) => Promise<FlagEvent>;
  readonly endpoint: (name: string) => Promise<WebhookEndpoint>;
  /** Waits until the event's `Succeeded` has this reason. */
  readonly eventReason: (name: string, reason: string, timeoutMs?: number) => Promise<FlagEventStatus>;
  /** Waits until the event's only delivery, or the one to `endpoint`, has this reason. */
  readonly deliveryReason: (
    event: string,
    reason: string,
    endpoint?: string,
    timeoutMs?: number,
  ) => Promise<Delivery>;
  /** Waits until the endpoint's status is as wanted. */
  readonly endpointStatus: (
    name: string,
    isWanted: (status: WebhookEndpointStatus) => boolean,
    timeoutMs?: number,
  ) => Promise<WebhookEndpointStatus>;
  /** Waits until the event's status is as wanted. */
  readonly eventStatus: (
    name: string,
    isWanted: (status: FlagEventStatus) => boolean,
    timeoutMs?: number,
  ) => Promise<FlagEventStatus>;
  /** Waits until there is no such event. */
  readonly eventGone: (name: string, timeoutMs?: number) => Promise<void>;
  /** Names of the events that there are, sorted. */
  readonly eventNames: () => Promise<readonly string[]>;
  /** Waits until the endpoint's `Ready`, or another condition, has this reason. */
  readonly endpointReason: (
    name: string,
    reason: string,
    type?: string,
    timeoutMs?: number,
  ) => Promise<Condition>;
  /** The Kubernetes Events of the namespace. */
  readonly notices: () => Promise<readonly NoticeEvent[]>;
  /** Waits until an Event about the object of this name has this reason, and has happened so often. */
  readonly notice: (name: string, reason: string, count?: number) => Promise<NoticeEvent>;
}

const FLAGPOST = '/apis/flagpost.dev/v1alpha1';

export async function aTenant(cluster: Cluster): Promise<Tenant> {
  const namespace = await cluster.createNamespace();
  const pathOf = (plural: string, name = '') => {
    const root = plural === 'secrets' || plural === 'configmaps' ? '/api/v1' : FLAGPOST;
    return `${root}/namespaces/${namespace}/${plural}${name && `/${name}`}`;
  };
  const client = new AdminClient(cluster);
  const ask = async <T>(
    method: Parameters<AdminClient['call']>[0],
    path: string,
    body?: unknown,
    contentType?: string,
  ): Promise<T> => {
    const answer = await client.call(method, path, { body, contentType });
    if (answer.status >= 300)
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body as T;
  };
  const create = <T>(plural: string, object: Json) => ask<T>('POST', pathOf(plural), object);
  const secretOf = (name: string, data: Readonly<Record<string, string | Buffer>>, more: Json = {}) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, ...(more['metadata'] as Json | undefined) },
    ...(more['type'] === undefined ? {} : { type: more['type'] }),
    data: Object.fromEntries(
      Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
    ),
  });
  const configMapOf = (name: string, data: Readonly<Record<string, string>>) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name },
    data,
  });
  const event = (name: string) => ask<FlagEvent>('GET', pathOf('flagevents', name));
  const notices = async () => {
    const path = `/apis/events.k8s.io/v1/namespaces/${namespace}/events`;
    const { items } = await ask<{ readonly items: readonly NoticeEvent[] }>('GET', path);
    return items;
  };
  const endpoint = (name: string) => ask<WebhookEndpoint>('GET', pathOf('webhookendpoints', name));
  return {
    cluster,
    namespace,
    createEndpoint: (name, spec, metadata = {}) =>
      create('webhookendpoints', {
        apiVersion: 'flagpost.dev/v1alpha1',
        kind: 'WebhookEndpoint',
        metadata: { name, ...metadata },
        spec: { eventTypes: ['FLAG_UPDATED'], ...spec },
      }),
    createEvent: (name, spec = aFlagUpdated(), metadata = {}) =>
      create('flagevents', {
        apiVersion: 'flagpost.dev/v1alpha1',
        kind: 'FlagEvent',
        metadata: { name, ...metadata },
        spec,
      }),
    createSecret: async (name, data, more) => void (await create('secrets', secretOf(name, data, more))),
    createConfigMap: async (name, data) => void (await create('configmaps', configMapOf(name, data))),
    updateSecret: async (name, data, more) =>
      void (await ask('PUT', pathOf('secrets', name), secretOf(name, data, more))),
    updateConfigMap: async (name, data) =>
      void (await ask('PUT', pathOf('configmaps', name), configMapOf(name, data))),
    patchEndpoint: async (name, patch) =>
      void (await ask('PATCH', pathOf('webhookendpoints', name), patch, 'application/merge-patch+json')),
    patchEvent: async (name, patch) =>
      void (await ask('PATCH', pathOf('flagevents', name), patch, 'application/merge-patch+json')),
    async delete(kind, name) {
      await ask('DELETE', pathOf(`${kind}s`, name));
    },
    event,
    endpoint,
    eventReason: (name, reason, timeoutMs) =>
      until(`event ${name} to be ${reason}`, timeoutMs, async (seen) => {
        const { status } = seen(await event(name));
        return conditionOf(status?.conditions, 'Succeeded')?.reason === reason && status;
      }),
    deliveryReason: (name, reason, endpointName, timeoutMs) =>
      until(`a delivery of ${name} to be ${reason}`, timeoutMs, async (seen) =>
        seen(await event(name)).status?.deliveries?.find(
          (delivery) =>
            delivery.reason === reason && (endpointName ?? delivery.endpointName) === delivery.endpointName,
        ),
      ),
    endpointStatus: (name, isWanted, timeoutMs) =>
      until(`the status of endpoint ${name} as wanted`, timeoutMs, async (seen) => {
        const { status } = seen(await endpoint(name));
        return status !== undefined && isWanted(status) && status;
      }),
    eventStatus: (name, isWanted, timeoutMs) =>
      until(`the status of event ${name} as wanted`, timeoutMs, async (seen) => {
        const { status } = seen(await event(name));
        return status !== undefined && isWanted(status) && status;
      }),
    eventGone: async (name, timeoutMs = 15_000) => {
      const isGone = async () => (await client.call('GET', pathOf('flagevents', name))).status === 404;
      await waitUntil(`event ${name} to be gone`, isGone, { timeoutMs, everyMs: 50 });
    },
    eventNames: async () => {
      const { items } = await ask<{ readonly items: readonly FlagEvent[] }>('GET', pathOf('flagevents'));
      return items.map(({ metadata }) => metadata.name).toSorted();
    },
    endpointReason: (name, reason, type = 'Ready', timeoutMs) =>
      until(`${type} of endpoint ${name} to be ${reason}`, timeoutMs, async (seen) => {
        const condition = conditionOf(seen(await endpoint(name)).status?.conditions, type);
        return condition?.reason === reason && condition;
      }),
    notices,
    notice: (name, reason, count = 1) =>
      until(`a notice ${reason} of ${name}`, undefined, async (seen) => {
        const all = await notices();
        seen({ status: all.map((one) => `${one.regarding.name} ${one.reason}`) });
        return all.find(
          ({ regarding, series, ...one }) =>
            regarding.name === name && one.reason === reason && (series?.count ?? 1) === count,
        );
      }),
  };
}

export function conditionOf(conditions: readonly Condition[] = [], type: string): Condition | undefined {
  return conditions.find((condition) => condition.type === type);
}

/** `Type Status Reason` of each condition. */
export function conditionLines(conditions: readonly Condition[] = []): string[] {
  return conditions.map(({ type, status, reason }) => `${type} ${status} ${reason}`);
}

/** Waits, and where that was in vain shows the status that the object had last. */
async function until<T>(
  what: string,
  timeoutMs = 15_000,
  read: (seen: <O extends { readonly status?: unknown }>(object: O) => O) => Promise<T | undefined | false>,
): Promise<T> {
  let last: unknown;
  try {
    const seen = <O extends { readonly status?: unknown }>(object: O) => ((last = object.status), object);
    return await waitUntil(what, () => read(seen), { timeoutMs, everyMs: 50 });
  } catch (error) {
    throw new Error(`${String(error)}; its status is ${JSON.stringify(last, null, 1)}`, { cause: error });
  }
}
