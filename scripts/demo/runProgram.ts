import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { DemoFailure } from './demoFailure.ts';

export interface ProgramOptions {
  /** Ends the program. */
  readonly signal: AbortSignal;
  /** Beside those of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Not in our process group: Ctrl-C reaches this process alone, which then ends the program. */
export function startProgram(
  program: string,
  args: readonly string[],
  { signal, env }: ProgramOptions,
): ChildProcessByStdio<Writable, Readable, Readable> {
  signal.throwIfAborted();
  return spawn(program, args, { signal, env: { ...process.env, ...env }, detached: true, stdio: 'pipe' });
}

/** Gives what the program printed. Throws a DemoFailure with what it complained of. */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: ProgramOptions & { readonly stdin?: string },
): Promise<string> {
  const child = startProgram(program, args, options);
  const closed = once(child, 'close');
  child.stdin.on('error', () => {
    // It ended without reading all; its status says why.
  });
  child.stdin.end(options.stdin);
  const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
  if (status === 0) return stdout;
  const name = program.split('/').at(-1);
  throw new DemoFailure(`${name} ${args.join(' ')}: ${(stderr || stdout).trim() || `ended with ${status}`}`);
}
