import { ApiError } from '../../src/runtime/apiError.ts';
import type { Lease, LeaseClient, LeaseRecord } from '../../src/runtime/leaderElection.ts';

/** What happens to a request: `reach` has the API server do it, and gives its answer. */
export type Network = (
  reach: () => Promise<Lease | undefined>,
  signal: AbortSignal,
) => Promise<Lease | undefined>;

/** A Lease as an API server keeps it: a write must name the version that it replaces. */
export class FakeLeases {
  record: LeaseRecord | undefined;
  /** Every record that was written, in order. */
  readonly written: LeaseRecord[] = [];
  #version = 0;

  /** Writes past all clients, as another program would. */
  set(record: LeaseRecord | undefined): void {
    this.record = record;
    this.#version += 1;
  }

  client(network: Network = (reach) => reach()): LeaseClient {
    return {
      get: (signal) => network(async () => this.record && this.#lease(this.record, network), signal),
      create: (record, signal) => this.#write(undefined, record, network, signal),
    };
  }

  #lease(record: LeaseRecord, network: Network): Lease {
    const version = this.#version;
    return {
      record,
      replace: (next, signal) => this.#write(version, next, network, signal),
    };
  }

  async #write(
    version: number | undefined,
    record: LeaseRecord,
    network: Network,
    signal: AbortSignal,
  ): Promise<Lease> {
    const lease = await network(async () => {
      const stands = this.record ? this.#version : undefined;
      if (stands !== version) throw new ApiError(409, 'Conflict', 'the Lease has changed');
      this.set(record);
      this.written.push(record);
      return this.#lease(record, network);
    }, signal);
    if (!lease) throw new Error('a write gives a Lease');
    return lease;
  }
}
