import { spawn, type ChildProcess } from 'node:child_process';
import { openSync, rmSync } from 'node:fs';

/**
 * A process between a test and the servers that it starts. It lives as long as its channel to the test's process:
 * when that process ends, however it ends, the keeper kills the servers and takes away their folder.
 * It leads a process group of its own, so that Ctrl-C or a kill of the test's group doesn't reach it first.
 */
export type KeeperRequest =
  | {
      readonly start: string;
      readonly command: string;
      readonly args: readonly string[];
      readonly log: string;
    }
  | { readonly kill: string };

/** `started` and `exited` name the server; a server that could not be started is reported as exited. */
export type KeeperReport =
  { readonly started: string; readonly pid: number } | { readonly exited: string; readonly reason: string };

const folder = process.argv[2];
if (folder === undefined) throw new Error('the keeper needs the folder that it is to take away');
const servers = new Map<string, ChildProcess>();
let ending = false;

function report(message: KeeperReport): void {
  // The other end may go at any moment: then there is nobody left to tell.
  if (process.connected) process.send?.(message, () => {});
}

function start(request: Extract<KeeperRequest, { start: string }>): void {
  const log = openSync(request.log, 'a');
  const server = spawn(request.command, request.args, { stdio: ['ignore', log, log] });
  const name = request.start;
  servers.set(name, server);
  const exited = (reason: string) => {
    servers.delete(name);
    report({ exited: name, reason });
    if (ending) leaveWhenAllEnded();
  };
  server.once('spawn', () => report({ started: name, pid: server.pid ?? 0 }));
  server.once('error', (error) => exited(error.message));
  server.once('exit', (status, signal) => exited(`ended with ${signal ?? status}`));
}

// Their data is thrown away, so nothing is lost by SIGKILL, and it ends a stopped process too.
function killAll(): void {
  ending = true;
  for (const server of servers.values()) server.kill('SIGKILL');
  leaveWhenAllEnded();
}

function leaveWhenAllEnded(): void {
  if (servers.size > 0) return;
  rmSync(folder ?? '', { recursive: true, force: true });
  process.exit(0);
}

process.on('message', (request: KeeperRequest) => {
  if ('start' in request) start(request);
  else servers.get(request.kill)?.kill('SIGKILL');
});
process.on('disconnect', killAll);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, killAll);
