import type { FlagEvent } from './api/flagEvent.ts';
import type { Outcome } from './delivery/classify.ts';
import type { Metrics } from './telemetry/metrics.ts';

/** Counts the first request of an event, `now` in milliseconds since 1970. */
export function observeFirstRequest(metrics: Metrics, { metadata }: FlagEvent, now: number): void {
  const latency = now - Date.parse(metadata.creationTimestamp);
  metrics.eventLatencySeconds.observe(Math.max(0, latency) / 1000);
}

/** Counts an attempt. */
export function observeAttempt(
  metrics: Metrics,
  type: FlagEvent['spec']['type'],
  { reason, durationMilliseconds }: Outcome,
): void {
  metrics.deliveries.inc({ event_type: type, outcome: reason });
  if (durationMilliseconds === undefined) return;
  metrics.deliverySeconds.observe({ event_type: type }, durationMilliseconds / 1000);
}
