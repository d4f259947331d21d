import { spawnSync } from 'node:child_process';
import { test } from '@jest/globals';
import { z } from 'zod';
import { findGoTool } from '../controlplane/goTools.ts';

const program = await findGoTool('lua');

/** For tests of Argo CD's health checks; `npm test` builds its Lua where Go is there. */
export const testWithLua = program === undefined ? test.skip : test;

/** What a health check of Argo CD says of an object. */
export function healthOf(
  script: string,
  object: unknown,
): { readonly status: string; readonly message: string } {
  if (program === undefined) throw new Error('Lua is missing');
  const input = JSON.stringify(object);
  const { stdout, stderr, status } = spawnSync(program, [script], { input, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return z.object({ status: z.string(), message: z.string() }).parse(JSON.parse(stdout));
}
