import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { openTransport, type ClusterOptions } from './cluster.ts';
import type { Config } from './config.ts';
import { ownNamespace } from './kube/config.ts';
import { createLeaseClient } from './kube/lease.ts';
import { LeaderElector, type LeadershipChange } from './runtime/leaderElection.ts';
import { errorFields } from './telemetry/log.ts';

export interface LeadingOptions extends Omit<ClusterOptions, 'mayAct'> {
  readonly config: Pick<Config, 'leaderElect' | 'leaderElectionNamespace'>;
  /** Another process may work from now on: this one must end at once. */
  readonly onLost: () => void;
}

/** Whether this process is the one that works. */
export interface Leading {
  /** Whether anything may be sent or written now. */
  readonly mayAct: () => boolean;
  /**
   * Resolves once it is to work, or the signal is aborted, after `refresh`: what was known before may lack what another
   * process has written since.
   */
  readonly begin: (signal: AbortSignal, refresh: () => Promise<unknown>) => Promise<void>;
  /** Whether `begin` has resolved, and it is to work. */
  readonly hasBegun: () => boolean;
  /** What keeps it from working or standing by, in words. */
  readonly notReady: () => readonly string[];
  /** Lets another one work. Nothing must be under way any more. */
  readonly end: () => Promise<void>;
}

const LEASE = 'flagpost';

/** Prepares the competition for the Lease; without --leader-elect there is none. Throws a ConfigError. */
export function openLeading(options: LeadingOptions): Leading {
  const competition = options.config.leaderElect ? openCompetition(options) : undefined;
  const elector = competition?.elector;
  let asked = false;
  let begun = false;
  return {
    mayAct: () => elector?.mayAct() ?? true,
    hasBegun: () => begun,
    async begin(signal, refresh) {
      asked = true;
      await elector?.acquire(signal);
      if (elector && !signal.aborted) await refresh();
      begun = !signal.aborted;
    },
    notReady() {
      if (!asked) return ['the controllers have not started'];
      return elector?.hasLooked() === false ? ['the Lease has not been read'] : [];
    },
    async end() {
      await elector?.release();
      await competition?.transport.close();
    },
  };
}

function openCompetition(options: LeadingOptions) {
  const { config, env, logger, metrics, clock, random, onLost } = options;
  const namespace = config.leaderElectionNamespace ?? ownNamespace(env) ?? 'default';
  const identity = `${hostname()}_${randomUUID()}`;
  const log = logger.child({ lease: `${namespace}/${LEASE}`, identity });
  const setStatus = (status: 0 | 1) => metrics.masterStatus.set({ name: LEASE }, status);
  const onChange = (change: LeadershipChange) => {
    setStatus(change.type === 'leading' ? 1 : 0);
    switch (change.type) {
      case 'waiting':
        return log.info({ holder: change.holder }, 'waiting for the leader');
      case 'leading':
        return log.info('became the leader');
      case 'released':
        return log.info('released the Lease');
      case 'lost':
        log.fatal({ holder: change.holder, why: change.why }, 'lost the Lease');
        return onLost();
    }
  };
  setStatus(0);
  // Of its own: no load of ours can hold a renewal up.
  const { transport } = openTransport({ ...options, mayAct: undefined });
  const elector = new LeaderElector({
    client: createLeaseClient({ transport, namespace, name: LEASE }),
    identity,
    clock,
    random,
    onChange,
    onError: (error) => log.warn(errorFields(error), 'the Lease can not be read or written'),
  });
  return { elector, transport };
}
