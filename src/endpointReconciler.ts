import type { WebhookEndpoint } from './api/webhookEndpoint.ts';
import type { Cluster } from './cluster.ts';
import { writeStatus } from './kube/overlay.ts';
import { WEBHOOK_ENDPOINTS } from './kube/resources.ts';
import { refusalOf } from './kube/writeRefusal.ts';
import type { AttemptDependencies } from './reconcile/attempts.ts';
import { keyOf } from './reconcile/context.ts';
import { EndpointTests, type EndpointTestsOptions } from './reconcile/endpointTests.ts';
import { WebhookEndpoints, type EndpointContext } from './reconcile/webhookEndpoints.ts';
import type { ReconcileLoop } from './reconcileLoop.ts';
import type { Informer } from './runtime/informer.ts';

export interface EndpointReconcilerOptions extends Pick<
  EndpointContext,
  'registry' | 'histories' | 'pending'
> {
  readonly cluster: Pick<Cluster, 'endpoints' | 'recorder'>;
  /** All endpoints, once they are followed. */
  readonly endpoints: () => Informer<WebhookEndpoint>;
  readonly lanes: EndpointTestsOptions['lanes'];
  readonly attempts: AttemptDependencies;
  readonly endpointLoop: Pick<ReconcileLoop, 'queue'>;
  readonly failed: (key: string, doing: string, error: unknown) => void;
  readonly signal: AbortSignal;
}

/** The reconciler of WebhookEndpoints with what it tells and does beside writing their status. */
export function openEndpointReconciler(options: EndpointReconcilerOptions): WebhookEndpoints {
  const { cluster, endpoints, registry, histories, pending, lanes, attempts, endpointLoop, failed, signal } =
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
    notify,
    clock: attempts.clock,
  });
}
