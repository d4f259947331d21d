import { describe, expect, test } from '@jest/globals';
import { forbiddenImports, importCycles } from './arrows.ts';
import { readSources } from './sources.ts';

const withImport = (path: string, imported: string, more: Readonly<Record<string, string>> = {}) =>
  new Map(Object.entries({ [path]: `import { x } from '${imported}';`, ...more }));

describe('the source', () => {
  test('keeps to the arrows between its folders', () => {
    expect(forbiddenImports(readSources())).toEqual([]);
  });

  test('has no cycle', () => {
    expect(importCycles(readSources())).toEqual([]);
  });
});

describe('the check of the arrows', () => {
  test.each([
    ['api/a.ts', 'node:fs'],
    ['api/a.ts', 'node:dns/promises'],
    ['api/a.ts', '../delivery/b.ts'],
    ['delivery/a.ts', 'undici'],
    ['delivery/a.ts', 'node:timers'],
    ['delivery/a.ts', '../runtime/b.ts'],
    ['runtime/a.ts', '../api/b.ts'],
    ['runtime/a.ts', '../kube/b.ts'],
    ['kube/a.ts', '../delivery/b.ts'],
    ['http/a.ts', '../runtime/b.ts'],
    ['http/a.ts', '../kube/b.ts'],
    ['telemetry/a.ts', '../api/b.ts'],
    ['reconcile/a.ts', '../main.ts'],
  ])('refuses that %s imports %s', (path, imported) => {
    const target = imported.replace('../', '');
    const sources = withImport(path, imported, imported.startsWith('.') ? { [target]: '' } : {});
    expect(forbiddenImports(sources)).toEqual([`${path} must not import ${target}`]);
  });

  test.each([
    ['delivery/a.ts', '../api/b.ts'],
    ['kube/a.ts', '../delivery/secretBytes.ts'],
    ['http/a.ts', '../runtime/clock.ts'],
    ['reconcile/a.ts', '../delivery/b.ts'],
    ['main.ts', './reconcile/b.ts'],
  ])('lets %s import %s', (path, imported) => {
    const target = imported.replace(/^\.+\//, '');
    expect(forbiddenImports(withImport(path, imported, { [target]: '' }))).toEqual([]);
  });

  test('knows every folder', () => {
    expect(forbiddenImports(new Map([['new/a.ts', '']]))).toEqual([
      'new/a.ts: no rule for new/ in test/structure/arrows.ts',
    ]);
  });

  test.each(["import type { x } from './b.ts';", "export * from './b.ts';", "await import('./b.ts');"])(
    'sees a cycle through %s',
    (text) => {
      const sources = new Map([
        ['api/a.ts', text],
        ['api/b.ts', "import { y } from './a.ts';"],
      ]);
      expect(importCycles(sources)).toEqual(['api/a.ts > api/b.ts > api/a.ts']);
    },
  );
});
