import { posix } from 'node:path';
import ts from 'typescript';

/** Text of each source file by its path below src, such as `api/url.ts`. */
export type Sources = ReadonlyMap<string, string>;

interface Rule {
  /** Folders (ending in `/`) and files of src that a folder may import besides itself. */
  readonly own: readonly string[];
  /** Packages and node modules that it may import; any, where not given. */
  readonly packages?: readonly string[];
}

/** No I/O, no clock. */
const pure = ['zod', 'ipaddr.js', 'node:crypto', 'node:util', 'node:buffer'];

const rules: Readonly<Record<string, Rule>> = {
  'api/': { own: [], packages: pure },
  'delivery/': { own: ['api/'], packages: pure },
  'runtime/': { own: [] },
  'kube/': { own: ['runtime/', 'api/', 'delivery/secretBytes.ts'] },
  'http/': { own: ['api/', 'delivery/secretBytes.ts', 'runtime/clock.ts'] },
  'telemetry/': { own: [] },
  'reconcile/': { own: ['runtime/', 'kube/', 'http/', 'telemetry/', 'delivery/', 'api/'] },
};

/** What a file imports: paths below src for files of ours, else names; types and dynamic imports included. */
function importsOf(path: string, text: string): readonly string[] {
  return ts
    .preProcessFile(text)
    .importedFiles.map(({ fileName }) =>
      fileName.startsWith('.') ? posix.join(posix.dirname(path), fileName) : fileName,
    );
}

/** A sentence for each import that points against the arrows. */
export function forbiddenImports(sources: Sources): readonly string[] {
  return [...sources].flatMap(([path, text]) => {
    const folder = path.slice(0, path.indexOf('/') + 1);
    const rule = rules[folder];
    // The files of src itself wire all the others.
    if (folder === '') return [];
    if (rule === undefined) return [`${path}: no rule for ${folder} in test/structure/arrows.ts`];
    return importsOf(path, text)
      .filter((target) => !isAllowed(target, sources, folder, rule))
      .map((target) => `${path} must not import ${target}`);
  });
}

function isAllowed(target: string, sources: Sources, folder: string, { own, packages }: Rule): boolean {
  if (sources.has(target)) {
    return [folder, ...own].some(
      (allowed) => target === allowed || (allowed.endsWith('/') && target.startsWith(allowed)),
    );
  }
  return packages === undefined || packages.includes(target);
}

/** Each cycle once, as `a.ts > b.ts > a.ts`; imports of types count. */
export function importCycles(sources: Sources): readonly string[] {
  const done = new Set<string>();
  const trail: string[] = [];
  const cycles: string[] = [];
  const visit = (path: string): void => {
    const seenAt = trail.indexOf(path);
    if (seenAt >= 0) cycles.push([...trail.slice(seenAt), path].join(' > '));
    if (seenAt >= 0 || done.has(path)) return;
    trail.push(path);
    for (const target of importsOf(path, sources.get(path) ?? '')) {
      if (sources.has(target)) visit(target);
    }
    trail.pop();
    done.add(path);
  };
  for (const path of sources.keys()) visit(path);
  return cycles;
}
