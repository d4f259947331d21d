import type { Notice } from '../api/notice.ts';
import type { ObjectMeta } from '../api/objectMeta.ts';
import type { Resource } from './resourceClient.ts';

/** What an Event is about. */
export interface Regarding {
  readonly resource: Resource;
  readonly metadata: Pick<ObjectMeta, 'namespace' | 'name' | 'uid'>;
}

/** An events.k8s.io/v1 Event, without its series. */
export interface KubernetesEvent {
  readonly metadata: { readonly namespace: string; readonly name: string };
  readonly eventTime: string;
  readonly reportingController: string;
  readonly reportingInstance: string;
  readonly regarding: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
  };
  readonly type: Notice['type'];
  readonly reason: string;
  readonly action: string;
  readonly note: string;
}

export interface Observation {
  /** Which process has seen it, 1 to 128 characters. */
  readonly instance: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** In [0, 1); keeps the names of Events apart that are about one object at one moment. */
  readonly random: number;
}

/** The Event that a notice about an object becomes. */
export function kubernetesEvent(
  { resource: { group, version, kind }, metadata: { namespace, name, uid } }: Regarding,
  { type, reason, action, note }: Notice,
  { instance, now, random }: Observation,
): KubernetesEvent {
  const unique = now.toString(16) + Math.floor(random * 2 ** 32).toString(16);
  // With what comes after it, a name may have 253 characters.
  const base = name.slice(0, 200).replace(/[^a-z0-9]+$/, '');
  return {
    metadata: { namespace, name: `${base}.${unique}` },
    eventTime: microTime(now),
    reportingController: 'flagpost.dev/flagpost',
    reportingInstance: instance,
    // Without the resource version: a series goes on while the object changes.
    regarding: { apiVersion: `${group}/${version}`, kind, namespace, name, uid },
    type,
    reason,
    action,
    note,
  };
}

/**
 * `namespace/…`, equal for Events that are a series. Unlike client-go's key it holds the note: a repetition that has
 * something else to say is told by itself.
 */
export function seriesKey({ metadata }: Regarding, { type, reason, action, note }: Notice): string {
  return `${metadata.namespace}/${[metadata.uid, type, reason, action, note].join('\n')}`;
}

/** A metav1.MicroTime, which is refused with fewer than six digits. */
export function microTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('Z', '000Z');
}
