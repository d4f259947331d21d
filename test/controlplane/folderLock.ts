import { rmSync } from 'node:fs';
import { link, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { hasCode } from './hasCode.ts';
import { isAlive } from './isAlive.ts';

const pollMs = 500;
const heartbeatMs = 5_000;
/** An owner that has not touched its lock for so long is gone, even if its process id is in use (again). */
const staleMs = 60_000;

interface Waiting {
  report(what: string): void;
}

/**
 * Runs `work` while this process alone holds the lock file `path`, which names its process id.
 * The lock of an owner that died is taken over. That two take over at the same moment is possible and harmless
 * here: they do the same work twice, each in a folder of its own.
 */
export async function withFolderLock(
  path: string,
  progress: Waiting,
  work: () => Promise<void>,
): Promise<void> {
  await acquire(path, progress);
  const release = () => rmSync(path, { force: true });
  process.once('exit', release);
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {});
  }, heartbeatMs);
  try {
    await work();
  } finally {
    clearInterval(heartbeat);
    process.off('exit', release);
    release();
  }
}

async function acquire(path: string, progress: Waiting): Promise<void> {
  while (!(await tryCreate(path))) {
    const owner = await readOwner(path);
    if (owner?.gone) await rm(path, { force: true });
    else if (owner) {
      progress.report(`waiting for process ${owner.pid}, which is getting it`);
      await delay(pollMs);
    }
  }
}

/** By a link, which unlike an exclusive open gives the lock its content at once. */
async function tryCreate(path: string): Promise<boolean> {
  const own = `${path}-${process.pid}`;
  try {
    await writeFile(own, String(process.pid));
    await link(own, path);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  } finally {
    await rm(own, { force: true });
  }
}

async function readOwner(path: string): Promise<{ pid: number; gone: boolean } | undefined> {
  try {
    const pid = Number(await readFile(path, 'utf8'));
    const { mtimeMs } = await stat(path);
    return { pid, gone: !isAlive(pid) || Date.now() - mtimeMs > staleMs };
  } catch {
    return undefined;
  }
}
