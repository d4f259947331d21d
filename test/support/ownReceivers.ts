import { matching } from './addressing.ts';
import { startReceiver, type Receiver, type ReceiverOptions } from './receiver.ts';
import type { Tenant } from './tenant.ts';

/** A tenant's endpoints that have a receiver each. */
export class OwnReceivers {
  readonly #tenant: Tenant;
  readonly #receivers: Receiver[] = [];

  constructor(tenant: Tenant) {
    this.#tenant = tenant;
  }

  /** Creates an endpoint for the events that are labelled with its name, and its receiver. */
  async add(
    name: string,
    answer: NonNullable<ReceiverOptions['answer']>,
    spec: object = {},
  ): Promise<Receiver> {
    const receiver = await startReceiver({ answer });
    this.#receivers.push(receiver);
    await this.#tenant.createEndpoint(name, { url: receiver.origin, match: matching(name), ...spec });
    return receiver;
  }

  async close(): Promise<void> {
    for (const receiver of this.#receivers) await receiver.close();
  }
}
