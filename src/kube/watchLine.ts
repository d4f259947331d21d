import { z } from 'zod';
import { objectMeta } from '../api/objectMeta.ts';
import type { WatchEvent } from '../runtime/listWatch.ts';
import type { Identified } from '../runtime/identified.ts';
import { TransportError } from './transportError.ts';

const bookmark = z.object({
  metadata: z.object({
    resourceVersion: z.string(),
    annotations: z.record(z.string(), z.string()).optional(),
  }),
});
const status = z.object({
  code: z.number().catch(500),
  reason: z.string().catch(''),
  message: z.string().catch(''),
});
const identified = z.object({ metadata: objectMeta });
const watchLine = z.object({
  type: z.enum(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR']),
  object: z.unknown(),
});

/**
 * Reads one line of a watch. An object for which `parse` gives nothing comes as a bookmark of its version, so
 * that a resumed watch does not bring it again. Throws a TransportError where the line is broken.
 */
export const parseWatchLine = <T extends Identified>(
  line: string,
  parse: (value: unknown) => T | undefined,
): WatchEvent<T> | undefined => {
  try {
    // What JSON.parse gives must not be copied or walked: payloads nest deeply.
    const { type, object } = watchLine.parse(JSON.parse(line));
    switch (type) {
      case 'ADDED':
      case 'MODIFIED': {
        const parsed = parse(object);
        return parsed === undefined ? passOver(object) : { type, object: parsed };
      }
      case 'DELETED':
        return { type, object: identified.parse(object) };
      case 'BOOKMARK': {
        const { resourceVersion, annotations } = bookmark.parse(object).metadata;
        return {
          type,
          resourceVersion,
          initialEventsEnd: annotations?.['k8s.io/initial-events-end'] === 'true',
        };
      }
      default:
        return { type, ...status.parse(object) };
    }
  } catch {
    // The cause would show the line.
    throw new TransportError('a line of the watch is broken');
  }
};

const passOver = (object: unknown): WatchEvent<never> | undefined => {
  const { data } = bookmark.safeParse(object);
  return (
    data && { type: 'BOOKMARK', resourceVersion: data.metadata.resourceVersion, initialEventsEnd: false }
  );
};
