import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KeptServers } from './keptServers.ts';
import { waitUntil } from './waitUntil.ts';

const startTimeoutMs = 60_000;

export interface ServerCommand {
  /** Its log is `<name>.log` in `folder`. */
  readonly name: string;
  readonly folder: string;
  readonly program: string;
  readonly args: readonly string[];
  /** Gets 200 when the server is ready; may fail before. */
  readonly probe: () => Promise<{ readonly status: number }>;
}

/** Starts a server and waits until it is ready; gives its process id. Throws with the end of its log. */
export async function startServer(servers: KeptServers, command: ServerCommand): Promise<number> {
  const { name, program, args, probe } = command;
  const log = join(command.folder, `${name}.log`);
  const { pid, exited } = await servers.start(name, program, args, log);
  let ended: string | undefined;
  void exited.then((reason) => (ended = reason));
  await waitUntil(
    `${name} to be ready`,
    async () => {
      if (ended !== undefined)
        throw new Error(`${name} ${ended} before it was ready:\n${await lastLines(log)}`);
      return probe().then(
        ({ status }) => status === 200,
        () => false,
      );
    },
    { timeoutMs: startTimeoutMs },
  );
  return pid;
}

async function lastLines(log: string): Promise<string> {
  const lines = (await readFile(log, 'utf8')).trimEnd().split('\n');
  return lines.slice(-15).join('\n');
}
