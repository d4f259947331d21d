import { globSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import type { Sources } from './arrows.ts';

const folder = join(import.meta.dirname, '../../src');

/** All of src as it is now. */
export function readSources(): Sources {
  return new Map(
    globSync('**/*.ts', { cwd: folder }).map((path) => [
      path.replaceAll(sep, '/'),
      readFileSync(join(folder, path), 'utf8'),
    ]),
  );
}
