// Writes crds/ from src/api; with --check it only says which file differs and ends with 1.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { flagEventCrd, webhookEndpointCrd } from '../src/api/crd.ts';
import { crdYaml } from './crdYaml.ts';

const FOLDER = new URL('../crds/', import.meta.url);

function stored(file: URL): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

const check = process.argv.includes('--check');
mkdirSync(FOLDER, { recursive: true });
for (const crd of [flagEventCrd(), webhookEndpointCrd()]) {
  const name = `${crd.spec.names.plural}.yaml`;
  const file = new URL(name, FOLDER);
  const yaml = await crdYaml(crd);
  if (stored(file) === yaml) continue;
  if (check) {
    console.error(`crds/${name} differs from src/api: run npm run generate`);
    process.exitCode = 1;
  } else {
    writeFileSync(file, yaml);
    console.log(`wrote crds/${name}`);
  }
}
