import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { withFolderLock } from './folderLock.ts';
import { Progress } from './progress.ts';
import { StagingFolder } from './stagingFolder.ts';

interface Content {
  /** What is waited for, in the progress on stderr. */
  readonly name: string;
  /** Whether the folder has what it has to. */
  readonly isComplete: (folder: string) => Promise<boolean>;
  readonly fill: (folder: string, progress: Progress) => Promise<void>;
}

/** Makes `folder` unless it is complete: by one process at a time, and whole or not at all. */
export async function ensureFolder(folder: string, { name, isComplete, fill }: Content): Promise<void> {
  if (await isComplete(folder)) return;
  await mkdir(join(folder, '..'), { recursive: true });
  const progress = new Progress(name);
  try {
    await withFolderLock(`${folder}.lock`, progress, async () => {
      if (await isComplete(folder)) return;
      // Under another name, so that an interruption leaves nothing that looks complete.
      const staging = await StagingFolder.create(folder);
      try {
        await fill(staging.path, progress);
        await rm(folder, { recursive: true, force: true });
        await rename(staging.path, folder);
      } finally {
        await staging.remove();
      }
    });
  } catch (error) {
    progress.end('failed');
    throw error;
  }
  progress.end('done');
}
