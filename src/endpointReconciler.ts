import type { Cluster } from './cluster.ts';
import { writeStatus } from './kube/overlay.ts';
import { WEBHOOK_ENDPOINTS } from './kube/resources.ts';
import { refusalOf } from './kube/writeRefusal.ts';
import type { AttemptDependencies } from './reconcile/attempts.ts';
import { keyOf } from './reconcile/context.ts';
import { EndpointTests, type EndpointTestsOptions } from './reconcile/endpointTests.ts';
import type { StatusRecorder } from './reconcile/statusRecorder.ts';
import { WebhookEndpoints, type EndpointContext } from './reconcile/webhookEndpoints.ts';
import type { ReconcileLoop } from './reconcileLoop.ts';
import { createRedeliveries } from './redelivering.ts';
import type { Watches } from './watches.ts';

export interface EndpointReconcilerOptions extends Pick<
  EndpointContext,
  'registry' | 'histories' | 'pending'
> {
  readonly cluster: Pick<Cluster, 'endpoints' | 'events' | 'recorder'>;
  /** Once there are any. */
  readonly watches: () => Pick<Watches, 'endpoints' | 'events'>;
  /** Writes the events' statuses. */
  readonly recorder: StatusRecorder;
  readonly eventLoop: Pick<ReconcileLoop, 'queue' | 'budget'>;
  readonly lanes: EndpointTestsOptions['lanes'];
  readonly attempts: AttemptDependencies;
  readonly endpointLoop: Pick<ReconcileLoop, 'queue' | 'budget'>;
  readonly failed: (key: string, doing: string, error: unknown) => void;
  readonly signal: AbortSignal;
}

/** The reconciler of WebhookEndpoints with what it tells and does beside writing their status. */
export function openEndpointReconciler(options: EndpointReconcilerOptions): WebhookEndpoints {
  const { cluster, watches, registry, histories, pending, lanes, attempts, endpointLoop, failed, signal } =
    options;
  const notify = cluster.recorder.about(WEBHOOK_ENDPOINTS);
  const tests = new EndpointTests({
    registry,
    histories,
    lanes,
    attempts,
    notify,
    enqueue: ({ metadata }, afterMilliseconds = 0) =>
      endpointLoop.queue.addAfter(keyOf(metadata), afterMilliseconds),
    failed: ({ metadata }, error) => failed(keyOf(metadata), 'test an endpoint', error),
  });
  const endpoints = () => watches().endpoints;
  const redeliveries = createRedeliveries({
    ...options,
    ...attempts,
    events: () => watches().events,
    enqueue: ({ metadata }) => endpointLoop.queue.add(keyOf(metadata), 'low'),
  });
  return new WebhookEndpoints({
    store: { get: (namespace, name) => endpoints().get(namespace, name) },
    replaceStatus: (endpoint, status) =>
      writeStatus(endpoints().store(endpoint.metadata.namespace), endpoint, status, (metadata, wanted) =>
        cluster.endpoints.replaceStatus(metadata, wanted, signal),
      ).catch((error: unknown) => {
        // Its watch will show that it is gone.
        if (refusalOf(error) !== 'gone') throw error;
      }),
    registry,
    histories,
    pending,
    tests,
    redeliveries,
    notify,
    budget: endpointLoop.budget,
    clock: attempts.clock,
  });
}
