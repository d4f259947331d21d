import type { ObjectMeta } from './api/objectMeta.ts';
import type { Cluster } from './cluster.ts';
import { REDELIVER_LABEL } from './delivery/redeliver.ts';
import type { InformerOptions } from './runtime/informer.ts';

/** An event with the label that asks for redelivery. */
export interface Labelled {
  readonly metadata: ObjectMeta;
}

/**
 * How the label that asks for redelivery is followed, on finished events too, without anything else of them. `onShown` hears
 * that an event has the label, or another value of it; this watch and that of unfinished events show different ages.
 */
export function redeliverLabel(
  client: Pick<Cluster['eventMetadata'], 'listWatch'>,
  onShown: (labelled: Labelled) => void,
): Pick<InformerOptions<Labelled>, 'listWatch' | 'onChange'> {
  return {
    listWatch: (namespace) => client.listWatch({ namespace, labelSelector: REDELIVER_LABEL }),
    onChange: (change) => {
      if (change.type === 'deleted') return;
      // Every status write of an event with the label comes here too.
      if (change.type === 'updated' && valueOf(change.previous) === valueOf(change.object)) return;
      onShown(change.object);
    },
  };
}

function valueOf({ metadata }: Labelled): string | undefined {
  return metadata.labels?.[REDELIVER_LABEL];
}
