import { rmSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isAlive } from './isAlive.ts';

/** A folder beside the one that it will become, named after its process; it goes when the process is interrupted. */
export class StagingFolder {
  readonly path: string;
  readonly #onExit = () => rmSync(this.path, { recursive: true, force: true });

  private constructor(path: string) {
    this.path = path;
    process.once('exit', this.#onExit);
  }

  /** Also takes away what killed processes left. */
  static async create(folder: string): Promise<StagingFolder> {
    const prefix = `${basename(folder)}.staging-`;
    for (const name of await readdir(dirname(folder))) {
      if (name.startsWith(prefix) && !isAlive(Number(name.slice(prefix.length)))) {
        await rm(join(dirname(folder), name), { recursive: true, force: true });
      }
    }
    const staging = new StagingFolder(join(dirname(folder), `${prefix}${process.pid}`));
    await mkdir(staging.path, { recursive: true });
    return staging;
  }

  async remove(): Promise<void> {
    process.off('exit', this.#onExit);
    await rm(this.path, { recursive: true, force: true });
  }
}
