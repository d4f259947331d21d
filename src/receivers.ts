import type { Cluster } from './cluster.ts';
import type { Config } from './config.ts';
import { createAddressGuard, type AddressGuard } from './http/addressGuard.ts';
import { createSender, type Sender } from './http/sender.ts';
import type { ApiServerAddresses } from './kube/apiServerAddresses.ts';
import type { Clock } from './runtime/clock.ts';

export interface ReceiversOptions {
  readonly config: Pick<Config, 'allowCidrs' | 'denyCidrs'>;
  readonly cluster: Pick<Cluster, 'addresses'>;
  readonly clock: Clock;
  /** Whether anything may be sent now. */
  readonly mayAct: () => boolean;
  /** The guard may decide otherwise from now on. */
  readonly onGuardChange: () => void;
}

/** The receivers' side of the operator. */
export interface Receivers {
  /** Keeps the API server's addresses, which no request may go to, current until the signal is aborted. */
  readonly watchApiServer: ApiServerAddresses['start'];
  readonly refusesUrl: AddressGuard['refusesUrl'];
  readonly send: Sender['send'];
  readonly close: Sender['close'];
}

/** Prepares what sends requests; nothing is sent yet. */
export function openReceivers({
  config,
  cluster,
  clock,
  mayAct,
  onGuardChange,
}: ReceiversOptions): Receivers {
  const addresses = cluster.addresses(onGuardChange);
  const guard = createAddressGuard({
    allow: config.allowCidrs,
    deny: config.denyCidrs,
    apiServers: () => addresses.current(),
  });
  const sender = createSender({ guard, clock, mayAct });
  return {
    watchApiServer: (signal) => addresses.start(signal),
    refusesUrl: (url) => guard.refusesUrl(url),
    send: (request) => sender.send(request),
    close: () => sender.close(),
  };
}
