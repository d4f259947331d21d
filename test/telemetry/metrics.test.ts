import { beforeEach, describe, expect, test } from '@jest/globals';
import { createMetrics, type Metrics } from '../../src/telemetry/metrics.ts';

let metrics: Metrics;
const counts = { pendingDeliveries: 0, circuitsOpen: 0 };

beforeEach(() => {
  Object.assign(counts, { pendingDeliveries: 0, circuitsOpen: 0 });
  metrics = createMetrics({
    pendingDeliveries: () => counts.pendingDeliveries,
    circuitsOpen: () => counts.circuitsOpen,
  });
});

/** The lines of /metrics that begin with a name. */
async function linesOf(name: string): Promise<string[]> {
  const text = await metrics.registry.metrics();
  return text.split('\n').filter((line) => line.startsWith(name));
}

describe('metrics', () => {
  test.each<[line: string, count: (metrics: Metrics) => void]>([
    [
      'controller_runtime_reconcile_total{controller="flagevent",result="success"} 1',
      ({ reconciles }) => reconciles.inc({ controller: 'flagevent', result: 'success' }),
    ],
    [
      'controller_runtime_reconcile_time_seconds_sum{controller="flagevent"} 0.25',
      ({ reconcileSeconds }) => reconcileSeconds.observe({ controller: 'flagevent' }, 0.25),
    ],
    ['workqueue_depth{name="flagevent"} 3', ({ queueDepth }) => queueDepth.set({ name: 'flagevent' }, 3)],
    [
      'rest_client_requests_total{code="200",method="GET",host="10.0.0.1:443"} 1',
      ({ apiRequests }) => apiRequests.inc({ code: '200', method: 'GET', host: '10.0.0.1:443' }),
    ],
    [
      'flagpost_deliveries_total{event_type="AUDIT_LOG",outcome="Timeout"} 1',
      ({ deliveries }) => deliveries.inc({ event_type: 'AUDIT_LOG', outcome: 'Timeout' }),
    ],
    [
      'flagpost_delivery_duration_seconds_bucket{le="0.05",event_type="AUDIT_LOG"} 1',
      ({ deliverySeconds }) => deliverySeconds.observe({ event_type: 'AUDIT_LOG' }, 0.03),
    ],
    [
      'flagpost_event_latency_seconds_bucket{le="1"} 1',
      ({ eventLatencySeconds }) => eventLatencySeconds.observe(0.6),
    ],
  ])('has %s once it was counted', async (line, count) => {
    expect(await metrics.registry.metrics()).not.toContain(`${line}\n`);
    count(metrics);
    expect(await metrics.registry.metrics()).toContain(`${line}\n`);
  });

  test.each([
    ['flagpost_pending_deliveries', 'pendingDeliveries'],
    ['flagpost_circuits_open', 'circuitsOpen'],
  ] as const)('counts %s when it is read', async (name, count) => {
    counts[count] = 7;
    expect(await linesOf(name)).toEqual([`${name} 7`]);
    counts[count] = 0;
    expect(await linesOf(name)).toEqual([`${name} 0`]);
  });

  test('tells about the process, as every exporter does', async () => {
    expect(await linesOf('process_cpu_seconds_total')).toHaveLength(1);
  });

  test('two operators in one process have metrics of their own', async () => {
    createMetrics({ pendingDeliveries: () => 1, circuitsOpen: () => 1 }).deliveries.inc({
      event_type: 'AUDIT_LOG',
      outcome: 'Delivered',
    });

    expect(await linesOf('flagpost_deliveries_total')).toEqual([]);
  });

  test('no label takes what a tenant can choose', async () => {
    const labels = new Set(
      (await metrics.registry.getMetricsAsJSON()).flatMap(({ name }) => {
        const metric = metrics.registry.getSingleMetric(name);
        return name.startsWith('flagpost_') && metric && 'labelNames' in metric ? metric.labelNames : [];
      }),
    );
    expect(labels).toEqual(new Set(['event_type', 'outcome']));
  });
});
