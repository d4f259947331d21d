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
): Pick<LanesOptions, 'limit' | 'testLimit' | 'isProbing' | 'isFailing'> {
  const openEndpoint = (uid: UID) => {
    const endpoint = registry.get(uid);
    return endpoint && !endpoint.spec.suspend && registry.config(uid) ? endpoint : undefined;
  };
  const circuitOf = (uid: UID) => {
    const endpoint = registry.get(uid);
    return endpoint && histories.of(endpoint).circuit;
  };
  return {
    limit: (uid, begun) => {
      const endpoint = openEndpoint(uid);
      return endpoint ? histories.allowed(endpoint, begun) : 0;
    },
    testLimit: (uid) => registry.get(uid)?.spec.maxInFlight ?? 0,
    isProbing: (uid) => {
      const circuit = circuitOf(uid);
      return circuit !== undefined && isOpen(circuit);
    },
    isFailing: (uid) => (circuitOf(uid)?.failures ?? 0) > 0,
  };
}
