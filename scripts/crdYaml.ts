import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { stringify } from 'yaml';
import type { CustomResourceDefinition } from '../src/api/crd.ts';

const HEADER = '# Generated from src/api by "npm run generate". Do not edit.\n---\n';
const LINE_WIDTH = 110;

/** The text of a CRD's file, formatted as all of the project. */
export async function crdYaml(crd: CustomResourceDefinition): Promise<string> {
  // YAML 1.1 is what Kubernetes reads: words like yes and on are quoted.
  const yaml = stringify(crd, { version: '1.1', aliasDuplicateObjects: false, lineWidth: LINE_WIDTH });
  const config = await resolveConfig(fileURLToPath(import.meta.url));
  return format(HEADER + yaml, { ...config, parser: 'yaml' });
}
