import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../runTool.ts';

/** Text of a file of deploy/samples. */
export function readSample(name: string): string {
  return readFileSync(join(root, 'deploy/samples', name), 'utf8');
}

/** The same endpoints, with `origin` instead of the Services that the samples name. */
export function withOrigin(endpoints: string, origin: string): string {
  return endpoints.replaceAll(/http:\/\/[-a-z]+\.shop\.svc(?=\/)/g, origin);
}

/** The sample's flag change once more, as another event. */
export function flagUpdatedNamed(name: string): string {
  return readSample('3-flag-updated.yaml').replace('name: butter-bar-on', `name: ${name}`);
}
