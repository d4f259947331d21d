import { execFileSync } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { findAssets } from '../controlplane/assets.ts';
import { programPath } from '../controlplane/release.ts';

const assets = await findAssets();
const deployFolder = join(import.meta.dirname, '../../deploy');

const kubernetesObject = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    labels: z.record(z.string(), z.string()).default({}),
  }),
});
export type KubernetesObject = Readonly<z.infer<typeof kubernetesObject>>;

/** Path of a folder of deploy/, for kubectl. */
export const deployPath = (folder: string): string => join(deployFolder, folder);

/** The objects that `kubectl kustomize` makes of a folder, such as `overlays/cluster` of deploy/. */
export function kustomize(path: string): readonly KubernetesObject[] {
  if (assets === undefined) throw new Error('kubectl is missing; `npm run assets` gets it');
  const kubectl = programPath(assets, 'kubectl');
  return parseObjects(execFileSync(kubectl, ['kustomize', path], { encoding: 'utf8' }));
}

/** As kustomize, of a kustomization that somebody might write who uses folders of deploy/. */
export function kustomizeWith({
  resources,
  components,
}: Readonly<Record<'resources' | 'components', string>>) {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'flagpost-kustomization-'));
  try {
    const pathTo = (path: string) => [relative(folder, deployPath(path))];
    const kustomization = { resources: pathTo(resources), components: pathTo(components) };
    writeFileSync(join(folder, 'kustomization.yaml'), JSON.stringify(kustomization));
    return kustomize(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The objects in a text in YAML. */
export function parseObjects(yaml: string): readonly KubernetesObject[] {
  const documents = parseAllDocuments(yaml).map((document): unknown => document.toJS());
  return documents
    .filter((document) => document !== null)
    .map((document) => kubernetesObject.parse(document));
}

/** What tells an object apart, such as `Role default/flagpost-api-server`. */
export function nameOf({ kind, metadata: { name, namespace } }: KubernetesObject): string {
  return `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
}
