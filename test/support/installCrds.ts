import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import type { Cluster } from './cluster.ts';
import { waitUntil } from './waitUntil.ts';

const crdFolder = join(import.meta.dirname, '../../crds');

const crdSchema = z.object({
  spec: z.object({
    group: z.string(),
    names: z.object({ plural: z.string() }),
    versions: z.array(z.object({ name: z.string(), served: z.boolean() })),
  }),
});

/** Applies crds/, or those of another folder, and resolves when their resources are served, which is later than when they are Established. */
export async function installCrds(cluster: Cluster, folder = crdFolder): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.yaml'));
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
  await cluster.apply(texts.join('\n---\n'), ['--server-side']);
  const crds = texts
    .flatMap((text) => parseAllDocuments(text))
    .map((document) => crdSchema.parse(document.toJS()));
  for (const { spec } of crds) {
    for (const version of spec.versions.filter(({ served }) => served)) {
      await waitUntil(`${spec.names.plural} to be served`, () =>
        isServed(cluster, `${spec.group}/${version.name}`, spec.names.plural),
      );
    }
  }
}

/** In discovery, from etcd, from the watch cache, and in the schemas that `kubectl explain` reads. */
async function isServed(cluster: Cluster, groupVersion: string, plural: string): Promise<boolean> {
  const api = `/apis/${groupVersion}`;
  const answers = await Promise.all(
    [api, `${api}/${plural}?limit=1`, `${api}/${plural}?resourceVersion=0`, `/openapi/v3${api}`].map((path) =>
      cluster.request(path),
    ),
  );
  return (
    answers.every(({ status }) => status === 200) && answers[0]?.body.includes(`"${plural}/status"`) === true
  );
}
