import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** What is counted and measured. The names of controller-runtime and client-go are used for what we have in common. */
export interface Metrics {
  readonly registry: Registry;
  readonly reconciles: Counter<'controller' | 'result'>;
  readonly reconcileSeconds: Histogram<'controller'>;
  readonly queueDepth: Gauge<'name'>;
  readonly apiRequests: Counter<'code' | 'method' | 'host'>;
  readonly deliveries: Counter<'event_type' | 'outcome'>;
  readonly deliverySeconds: Histogram<'event_type'>;
  readonly eventLatencySeconds: Histogram;
  readonly pendingDeliveries: Gauge;
  readonly circuitsOpen: Gauge;
  readonly masterStatus: Gauge<'name'>;
}

/** What is counted only when somebody asks. */
export interface Counts {
  /** Deliveries that have not ended. */
  readonly pendingDeliveries: () => number;
  /** Endpoints whose circuit is open. */
  readonly circuitsOpen: () => number;
}

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export function createMetrics({ pendingDeliveries, circuitsOpen }: Counts): Metrics {
  const registry = new Registry();
  const registers = [registry];
  // Its default, a look at the event loop each 10 ms, costs most of what an idle operator does.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 100 });
  return {
    registry,
    reconciles: new Counter({
      name: 'controller_runtime_reconcile_total',
      help: 'Reconciliations, by controller and result.',
      labelNames: ['controller', 'result'],
      registers,
    }),
    reconcileSeconds: new Histogram({
      name: 'controller_runtime_reconcile_time_seconds',
      help: 'How long a reconciliation took, by controller.',
      labelNames: ['controller'],
      buckets: SECONDS,
      registers,
    }),
    queueDepth: new Gauge({
      name: 'workqueue_depth',
      help: 'Keys that wait for a worker, by queue.',
      labelNames: ['name'],
      registers,
    }),
    apiRequests: new Counter({
      name: 'rest_client_requests_total',
      help: 'Requests to the API server, by status code, method and host.',
      labelNames: ['code', 'method', 'host'],
      registers,
    }),
    deliveries: new Counter({
      name: 'flagpost_deliveries_total',
      help: 'Attempts, by event type and the reason that they came to.',
      labelNames: ['event_type', 'outcome'],
      registers,
    }),
    deliverySeconds: new Histogram({
      name: 'flagpost_delivery_duration_seconds',
      help: 'How long an attempt took, from DNS to the end of the header of the answer.',
      labelNames: ['event_type'],
      buckets: SECONDS,
      registers,
    }),
    eventLatencySeconds: new Histogram({
      name: 'flagpost_event_latency_seconds',
      help: 'From the creation of an event, to the second, to its first attempt.',
      buckets: SECONDS,
      registers,
    }),
    pendingDeliveries: new Gauge({
      name: 'flagpost_pending_deliveries',
      help: 'Deliveries that have not ended.',
      registers,
      collect() {
        this.set(pendingDeliveries());
      },
    }),
    circuitsOpen: new Gauge({
      name: 'flagpost_circuits_open',
      help: 'Endpoints whose circuit is open.',
      registers,
      collect() {
        this.set(circuitsOpen());
      },
    }),
    masterStatus: new Gauge({
      name: 'leader_election_master_status',
      help: 'Whether this process holds the Lease of this name.',
      labelNames: ['name'],
      registers,
    }),
  };
}
