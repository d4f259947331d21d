import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { goTools } from './goTools.ts';

test.each(Object.entries(goTools))(
  'the Go module of %s builds the version that the cache folder is named after',
  async (tool, { requires, version }) => {
    const goModule = await readFile(join(import.meta.dirname, tool, 'go.mod'), 'utf8');
    expect(goModule).toContain(`\nrequire ${requires} ${version}\n`);
  },
);
