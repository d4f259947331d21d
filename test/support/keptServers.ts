import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { KeeperReport, KeeperRequest } from './processKeeper.ts';

interface Server {
  readonly pid: number;
  readonly exited: Promise<string>;
}

/** Server processes that a keeper ends when this process does, together with their folder. */
export class KeptServers {
  readonly #keeper: ChildProcess;
  readonly #started = new Map<string, PromiseWithResolvers<Server>>();
  readonly #exited = new Map<string, PromiseWithResolvers<string>>();

  /** Takes charge of `folder`: it goes with the servers. */
  constructor(folder: string) {
    this.#keeper = fork(join(import.meta.dirname, 'processKeeper.ts'), [folder], {
      detached: true,
      execArgv: [],
      env: { PATH: process.env['PATH'] },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#keeper.on('message', (report: KeeperReport) => this.#onReport(report));
    this.#keeper.on('exit', () => {
      for (const name of this.#started.keys())
        this.#onReport({ exited: name, reason: 'ended with its keeper' });
    });
    // What is started should not keep a process alive that has nothing else to do.
    this.#keeper.unref();
    this.#keeper.channel?.unref();
  }

  /** Resolves when the process runs, which says nothing about whether it serves yet. */
  async start(name: string, command: string, args: readonly string[], log: string): Promise<Server> {
    const started = Promise.withResolvers<Server>();
    this.#started.set(name, started);
    this.#exited.set(name, Promise.withResolvers());
    this.#send({ start: name, command, args, log });
    return this.#whileReferenced(started.promise);
  }

  /** By SIGKILL; resolves when the process is gone. */
  async kill(name: string): Promise<void> {
    const exited = this.#exited.get(name);
    if (!exited) return;
    this.#send({ kill: name });
    await this.#whileReferenced(exited.promise);
  }

  /** Resolves when all servers, their folder and the keeper are gone. */
  async end(): Promise<void> {
    if (this.#keeper.exitCode !== null || this.#keeper.signalCode !== null) return;
    this.#keeper.ref();
    const exited = once(this.#keeper, 'exit');
    if (this.#keeper.connected) this.#keeper.disconnect();
    await exited;
  }

  #send(request: KeeperRequest): void {
    this.#keeper.send(request);
  }

  async #whileReferenced<T>(promise: Promise<T>): Promise<T> {
    this.#keeper.channel?.ref();
    try {
      return await promise;
    } finally {
      this.#keeper.channel?.unref();
    }
  }

  #onReport(report: KeeperReport): void {
    if ('started' in report) {
      const exited = this.#exited.get(report.started) ?? Promise.withResolvers<string>();
      this.#started.get(report.started)?.resolve({ pid: report.pid, exited: exited.promise });
    } else {
      this.#started.get(report.exited)?.reject(new Error(`${report.exited} ${report.reason}`));
      this.#exited.get(report.exited)?.resolve(report.reason);
    }
  }
}
