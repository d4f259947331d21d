import { homedir } from 'node:os';
import { join } from 'node:path';

/** The platform's folder for what can be fetched again. */
export function cacheHome(): string {
  if (process.env['XDG_CACHE_HOME']) return process.env['XDG_CACHE_HOME'];
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches');
  if (process.platform === 'win32' && process.env['LOCALAPPDATA']) return process.env['LOCALAPPDATA'];
  return join(homedir(), '.cache');
}
