import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Progress } from './progress.ts';

interface GoModule {
  /** Beside this file; holds go.mod and go.sum. */
  readonly folder: string;
  readonly packages: readonly string[];
  readonly linkerFlags: string;
}

/** Builds programs into `output` from one of the Go modules beside this file. Takes minutes. */
export async function goBuild(module: GoModule, output: string, progress: Progress): Promise<void> {
  const what = `building ${module.folder} with Go`;
  progress.report(what);
  await runGo(
    join(import.meta.dirname, module.folder),
    [
      ...['build', '-v', '-mod=readonly', '-trimpath', `-ldflags=-s -w ${module.linkerFlags}`],
      ...['-o', output, ...module.packages],
    ],
    (line) => progress.report(`${what}: ${line.trim()}`),
  );
}

function runGo(cwd: string, args: readonly string[], onLine: (line: string) => void): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const env = { ...process.env, CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '' };
  const go = spawn('go', args, { cwd, env, stdio: ['ignore', 'ignore', 'pipe'] });
  const lastLines: string[] = [];
  createInterface(go.stderr).on('line', (line) => {
    onLine(line);
    lastLines.push(line);
    if (lastLines.length > 20) lastLines.shift();
  });
  const onExit = () => go.kill();
  process.once('exit', onExit);
  go.once('error', (error) => reject(new Error(`Go could not be started (${error.message})`)));
  go.once('close', (status, signal) => {
    process.off('exit', onExit);
    if (status === 0) resolve();
    else reject(new Error(`go build ended with ${signal ?? status}:\n${lastLines.join('\n')}`));
  });
  return promise;
}
