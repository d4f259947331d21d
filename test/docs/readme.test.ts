import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { helpText } from '../../src/config.ts';
import { SecretBytes } from '../../src/delivery/secretBytes.ts';
import { signatureHeaders } from '../../src/delivery/sign.ts';
import type { Cluster } from '../support/cluster.ts';
import { codeBlocks, codeSpans, projectFolder, readDocument } from '../support/document.ts';
import { seedFlagUpdatedBody } from '../support/seedPayloads.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';

const readme = readDocument('README.md');
const contributing = readDocument('CONTRIBUTING.md');
const both = `${readme}\n${contributing}`;
const { scripts } = z
  .object({ scripts: z.record(z.string(), z.string()) })
  .parse(JSON.parse(readDocument('package.json')));

describe('the manifests in the README', () => {
  let cluster: Cluster;
  let namespace: string;
  beforeAll(async () => {
    cluster = await sharedControlPlane();
    namespace = await cluster.createNamespace();
  });

  test.each(codeBlocks(readme, 'yaml').map((manifest) => [/^kind: (\w+)/m.exec(manifest)?.[1], manifest]))(
    'the API server takes the %s',
    async (kind, manifest) => {
      const printed = await cluster.apply(manifest ?? '', [
        '--server-side',
        '--dry-run=server',
        `--namespace=${namespace}`,
      ]);
      expect(printed).toMatch(new RegExp(`^${kind}.flagpost.dev/.* serverside-applied`, 'i'));
    },
  );

  test('show an endpoint and an event', () => {
    expect(codeBlocks(readme, 'yaml')).toHaveLength(2);
  });
});

describe('the commands', () => {
  test('those that the documents run exist', () => {
    const named = [...both.matchAll(/npm run (?:-s )?([a-z]+)/g)].map(([, name]) => name);
    expect(named).not.toEqual([]);
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(named));
  });

  test.each(Object.keys(scripts))('the README has a line for %s', (name) => {
    expect(readme).toMatch(new RegExp(`^\\| \`npm (run (-s )?)?${name}( -- [^\`]*)?\``, 'm'));
  });
});

test('the README has the flags of --help with their defaults', () => {
  const rows = [...readme.matchAll(/^\| `--([-a-z]+)`( \(repeatable\))?\s*\| `?([^|`]+?)`?\s*\|/gm)].map(
    ([, name, repeatable, fallback]) => [name, repeatable ? 'repeatable' : `default ${fallback}`],
  );
  const flags = [...helpText().matchAll(/^ {2}--([-a-z]+) .*\((repeatable|default .+)\)$/gm)].map(
    ([, name, how]) => [name, how],
  );
  expect(flags).not.toEqual([]);
  expect(rows).toEqual(flags);
});

test('what the documents link to and name is there', () => {
  const links = [...both.matchAll(/\]\(([^):]+)\)/g)].map(([, path]) => path ?? '');
  const roots = ['src', 'crds', 'deploy', 'scripts', 'test'];
  const paths = codeSpans(both).filter((code) => roots.includes(/^(\w+)(?:\/\S+)?$/.exec(code)?.[1] ?? ''));
  expect(paths.length).toBeGreaterThan(10);
  const headings = [...both.matchAll(/^#+ (.+)$/gm)].map(
    ([, title]) => `#${title?.toLowerCase().replaceAll(' ', '-')}`,
  );
  const isThere = (path: string) => headings.includes(path) || existsSync(join(projectFolder, path));
  expect([...links, ...paths].filter((path) => !isThere(path))).toEqual([]);
});

describe('the Python lines of the README', () => {
  const body = Buffer.from(JSON.stringify(seedFlagUpdatedBody));
  const [, signature] =
    signatureHeaders({
      deliveryId: 'msg_1',
      timestampSeconds: 1_764_000_000,
      body,
      keys: [new SecretBytes(Buffer.from('my shared secret'))],
    }).find(([name]) => name === 'X-Flagsmith-Signature') ?? [];
  const hasPython = spawnSync('python3', ['--version']).status === 0;

  /** What is_authentic is for a body with this signature. */
  function runPython(request: Buffer): string {
    const [snippet = ''] = codeBlocks(readme, 'python');
    const script = [
      'import sys',
      'request_body = sys.stdin.buffer.read()',
      'request = {"headers": {"x-flagsmith-signature": sys.argv[1]}}',
      snippet,
      'print(is_authentic)',
    ].join('\n');
    const { stdout, stderr } = spawnSync('python3', ['-c', script, signature ?? ''], {
      input: request,
    });
    return Buffer.concat([stdout, stderr]).toString().trim();
  }

  (hasPython ? test : test.skip)('take a request of the operator (skipped without python3)', () => {
    expect(runPython(body)).toBe('True');
  });

  (hasPython ? test : test.skip)('refuse a changed one (skipped without python3)', () => {
    expect(runPython(Buffer.concat([body, Buffer.from(' ')]))).toBe('False');
  });
});
