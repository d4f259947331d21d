import { ApiError, isNotFound } from '../runtime/apiError.ts';
import { microTime, type KubernetesEvent } from './kubernetesEvent.ts';

export interface EventClient {
  create(namespace: string, event: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<unknown>;
  patch(namespace: string, name: string, changes: unknown, signal: AbortSignal): Promise<void>;
}

/** How often an Event has happened, and when last, in milliseconds since 1970. */
export interface Observed {
  readonly count: number;
  readonly lastTime: number;
}

/**
 * Creates an Event, or writes its series where it `exists`; a single one has none. Gives the count that the API server
 * has then. Throws as the client does.
 */
export async function writeEvent(
  client: EventClient,
  event: KubernetesEvent,
  { count, lastTime }: Observed,
  exists: boolean,
  signal: AbortSignal,
): Promise<number> {
  const { namespace, name } = event.metadata;
  const series = { count, lastObservedTime: microTime(lastTime) };
  try {
    if (exists) {
      await client.patch(namespace, name, { series }, signal);
      return count;
    }
  } catch (error) {
    // Events are kept for an hour, and anybody may delete one: it begins anew.
    if (!isNotFound(error)) throw error;
  }
  try {
    await client.create(namespace, { ...event, ...(count > 1 && { series }) }, signal);
    return count;
  } catch (error) {
    // An answer was lost, and nobody knows whether a series went with it.
    if (error instanceof ApiError && error.reason === 'AlreadyExists') return 1;
    throw error;
  }
}

/** Whether the same write may succeed later: there was no answer, or none about what was asked. */
export function isPassing(error: unknown): boolean {
  return !(error instanceof ApiError) || error.status === 429 || error.status >= 500;
}

/** Whether the namespace is being deleted, or is gone: nothing new can be written there (NamespaceLifecycle's words). */
export function isOfEndingNamespace(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  return error.status === 404 || (error.status === 403 && error.message.includes('it is being terminated'));
}
