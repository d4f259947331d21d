import type { UID } from '../api/objectMeta.ts';
import { isOpen } from '../delivery/circuit.ts';
import type { EndpointRegistry } from './endpointRegistry.ts';
import type { Histories } from './histories.ts';
import type { LanesOptions } from './lanes.ts';

/**
 * What stands between an endpoint's lane and its receiver: nothing goes while it is suspended, while it can't be used, and
 * while its circuit or a Retry-After holds it.
 */
export function createGate(
  registry: Pick<EndpointRegistry, 'get' | 'config'>,
  histories: Histories,
): Pick<LanesOptions, 'limit' | 'isProbing'> {
  const openEndpoint = (uid: UID) => {
    const endpoint = registry.get(uid);
    return endpoint && !endpoint.spec.suspend && registry.config(uid) ? endpoint : undefined;
  };
  return {
    limit: (uid) => {
      const endpoint = openEndpoint(uid);
      return endpoint ? histories.allowed(endpoint) : 0;
    },
    isProbing: (uid) => {
      const endpoint = registry.get(uid);
      return endpoint !== undefined && isOpen(histories.of(endpoint).circuit);
    },
  };
}
