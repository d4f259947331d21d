import type { UID } from '../api/objectMeta.ts';
import type { WebhookEndpoint } from '../api/webhookEndpoint.ts';
import type { AttemptRecord } from '../delivery/attemptRecord.ts';
import { historyOf, withAttempt, type EndpointHistory } from '../delivery/endpointStatus.ts';
import { timestamp } from '../delivery/conditions.ts';

/** What the attempts of each endpoint came to: begun with what its status says, then kept in memory. */
export class Histories {
  readonly #histories = new Map<UID, EndpointHistory>();

  of({ metadata, status }: WebhookEndpoint): EndpointHistory {
    return this.#histories.get(metadata.uid) ?? historyOf(status);
  }

  add(endpoint: WebhookEndpoint, flagEvent: string, deliveryID: string, record: AttemptRecord): void {
    const { outcome } = record;
    const attempt = {
      flagEvent,
      deliveryID,
      time: timestamp(record.startedAt),
      attempt: record.attempt,
      statusCode: outcome.statusCode,
      durationMilliseconds: outcome.durationMilliseconds,
      reason: outcome.reason,
      message: outcome.message,
    };
    this.#histories.set(
      endpoint.metadata.uid,
      withAttempt(this.of(endpoint), attempt, outcome, record.endedAt),
    );
  }

  forget(uid: UID): void {
    this.#histories.delete(uid);
  }
}
