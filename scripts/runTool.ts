import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '..');

/** Runs a tool of node_modules/.bin (or `node`) in the project's folder, on our own stdio; gives its exit status. */
export async function runTool(name: string, args: readonly string[]): Promise<number> {
  const program = name === 'node' ? process.execPath : join(root, 'node_modules', '.bin', name);
  const child = spawn(program, args, { cwd: root, stdio: 'inherit' });
  const [status, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  return status ?? 128 + (signal ? constants.signals[signal] : 0);
}
