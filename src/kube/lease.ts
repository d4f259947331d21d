import { z } from 'zod';
import { isNotFound } from '../runtime/apiError.ts';
import type { Lease, LeaseClient, LeaseRecord } from '../runtime/leaderElection.ts';
import { microTime } from './kubernetesEvent.ts';
import type { Request, Transport } from './transport.ts';

export interface LeaseClientOptions {
  /** With connections that nothing else uses, so that no load can hold a renewal up. */
  readonly transport: Pick<Transport, 'request'>;
  readonly namespace: string;
  readonly name: string;
}

// Half the renew deadline, as controller-runtime has it: a connection that hangs leaves time for another try.
const TIMEOUT_MILLISECONDS = 5000;

/** A coordination.k8s.io/v1 Lease, with whatever else stands in it. */
const leaseObject = z.looseObject({
  spec: z
    .looseObject({
      holderIdentity: z.string().nullish(),
      leaseDurationSeconds: z.number().nullish(),
      acquireTime: z.string().nullish(),
      renewTime: z.string().nullish(),
      leaseTransitions: z.number().nullish(),
    })
    .default({}),
});
type LeaseObject = z.infer<typeof leaseObject>;

/** The Lease of one name, that needs not exist. Beside ApiErrors a TransportError or the signal's reason is thrown. */
export function createLeaseClient({ transport, namespace, name }: LeaseClientOptions): LeaseClient {
  const collection = `/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/leases`;
  const path = `${collection}/${encodeURIComponent(name)}`;
  const ask = async (request: Pick<Request, 'method' | 'path' | 'body' | 'signal'>): Promise<Lease> => {
    const answer = await transport.request({ ...request, timeoutMilliseconds: TIMEOUT_MILLISECONDS });
    const object = leaseObject.parse(answer);
    return {
      record: recordOf(object),
      replace: (record, signal) => ask({ method: 'PUT', path, body: withRecord(object, record), signal }),
    };
  };
  return {
    async get(signal) {
      try {
        return await ask({ method: 'GET', path, signal });
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },
    create: (record, signal) => {
      const object = {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { namespace, name },
        spec: {},
      };
      return ask({ method: 'POST', path: collection, body: withRecord(object, record), signal });
    },
  };
}

function recordOf({ spec }: LeaseObject): LeaseRecord {
  return {
    holderIdentity: spec.holderIdentity ?? '',
    leaseDurationSeconds: spec.leaseDurationSeconds ?? 0,
    acquireTime: millisecondsOf(spec.acquireTime),
    renewTime: millisecondsOf(spec.renewTime),
    leaseTransitions: spec.leaseTransitions ?? 0,
  };
}

/** With the resource version that was read, so that the API server refuses it once another was written. */
function withRecord(object: LeaseObject, record: LeaseRecord): LeaseObject {
  const { acquireTime, renewTime } = record;
  const times = { acquireTime: microTimeOf(acquireTime), renewTime: microTimeOf(renewTime) };
  return { ...object, spec: { ...object.spec, ...record, ...times } };
}

function millisecondsOf(time: string | null | undefined): number | undefined {
  const milliseconds = Date.parse(time ?? '');
  return Number.isNaN(milliseconds) ? undefined : milliseconds;
}

function microTimeOf(milliseconds: number | undefined): string | undefined {
  return milliseconds === undefined ? undefined : microTime(milliseconds);
}
