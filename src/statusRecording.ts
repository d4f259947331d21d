import type { FlagEvent } from './api/flagEvent.ts';
import type { Cluster } from './cluster.ts';
import { writeStatus } from './kube/overlay.ts';
import { FLAG_EVENTS } from './kube/resources.ts';
import { refusalOf } from './kube/writeRefusal.ts';
import { keyOf } from './reconcile/context.ts';
import { withoutPayload } from './reconcile/preparedEvents.ts';
import { StatusRecorder, type StatusRecorderOptions } from './reconcile/statusRecorder.ts';
import type { Informer } from './runtime/informer.ts';
import type { Sweeper } from './reconcile/sweeper.ts';

export interface StatusRecordingOptions extends Pick<StatusRecorderOptions, 'onRecovered' | 'clock'> {
  readonly cluster: Pick<Cluster, 'events' | 'recorder'>;
  /** The unfinished events, once they are followed. */
  readonly events: () => Informer<FlagEvent>;
  readonly sweeper: Pick<Sweeper, 'finished' | 'maybeFinished'>;
  readonly failed: (key: string, doing: string, error: unknown) => void;
  readonly signal: AbortSignal;
}

/** What writes the status of FlagEvents, and tells of what it has written. */
export function createStatusRecorder(options: StatusRecordingOptions): StatusRecorder {
  const { cluster, events, sweeper, onRecovered, failed, clock, signal } = options;
  return new StatusRecorder({
    replaceStatus: (event, status) =>
      writeStatus(
        events().store(event.metadata.namespace),
        withoutPayload(event),
        status,
        (metadata, wanted) => cluster.events.replaceStatus(metadata, wanted, signal),
      ),
    refusalOf,
    onRecovered,
    onFinished: (event) => sweeper.finished(event),
    onMaybeFinished: (event) => sweeper.maybeFinished(event),
    onError: ({ metadata }, error) => failed(keyOf(metadata), 'write the status of a FlagEvent', error),
    notify: cluster.recorder.about(FLAG_EVENTS),
    clock,
  });
}
