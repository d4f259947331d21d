import type { Leading } from './leading.ts';
import type { Receivers } from './receivers.ts';
import type { Watches } from './watches.ts';

export interface WorkOptions {
  readonly watches: Watches;
  readonly watchApiServer: Receivers['watchApiServer'];
  readonly leading: Leading;
  /** Works until the signal is aborted; everything is known by then, and nobody else works. */
  readonly run: (signal: AbortSignal) => Promise<unknown>;
}

/** Learns what there is, waits until it is this process that works, and works. Resolves after the signal is aborted. */
export async function work(options: WorkOptions, signal: AbortSignal): Promise<void> {
  const { watches, watchApiServer, leading, run } = options;
  const { endpoints, events, labels } = watches;
  const addresses = watchApiServer(signal);
  const ended = Promise.all([
    ...[endpoints, events, labels].map((informer) => informer.start(signal)),
    addresses.ended,
  ]);
  const synced = Promise.all([endpoints.synced(), events.synced(), addresses.ready]);
  await Promise.race([synced, ended]);
  await leading.begin(signal, () => Promise.race([events.refresh(), ended]));
  if (leading.hasBegun()) await run(signal);
  await ended;
}
