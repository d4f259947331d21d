import { startOperatorFor } from './operatorProcess.ts';
import { OwnReceivers } from './ownReceivers.ts';
import { sharedControlPlane } from './sharedControlPlane.ts';
import { aTenant, type Tenant } from './tenant.ts';

/** A tenant with receivers, and an operator that works for it alone. */
export interface OperatedTenant extends Tenant {
  /** Creates an endpoint for the events that are labelled with its name, and its receiver. */
  readonly addReceiver: OwnReceivers['add'];
  readonly kill: () => Promise<void>;
  /** Starts another operator, once the last one was killed. */
  readonly restart: () => Promise<void>;
  /** Throws where the operator does not end well. */
  readonly end: () => Promise<void>;
}

export async function startOperatedTenant(): Promise<OperatedTenant> {
  const tenant = await aTenant(await sharedControlPlane());
  const receivers = new OwnReceivers(tenant);
  let operator = await startOperatorFor(tenant);
  return {
    ...tenant,
    addReceiver: (...given) => receivers.add(...given),
    async kill() {
      operator.kill('SIGKILL');
      await operator.exited;
    },
    async restart() {
      operator = await startOperatorFor(tenant);
    },
    async end() {
      await receivers.close();
      const status = await operator.stop();
      if (status !== 0) throw new Error(`the operator ended with ${status}: ${operator.output()}`);
    },
  };
}
