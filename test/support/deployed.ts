import { z } from 'zod';
import { deployment } from './deployment.ts';
import { deployPath, kustomize } from './kustomize.ts';

/** What the README applies. */
export const overlayPath = deployPath('overlays/cluster');

const rules = z.array(
  z.object({
    apiGroups: z.array(z.string()),
    resources: z.array(z.string()),
    resourceNames: z.array(z.string()).optional(),
    verbs: z.array(z.string()),
  }),
);
const schemas = {
  ClusterRole: z.object({ rules }),
  Role: z.object({ metadata: z.object({ namespace: z.string() }), rules }),
  Deployment: deployment,
};

export type Rule = z.infer<typeof rules>[number];

const objects = kustomize(overlayPath);

/** What is read of the object of the default overlay that has this kind and name. */
export function deployed<K extends keyof typeof schemas>(
  kind: K,
  name = 'flagpost',
): z.infer<(typeof schemas)[K]> {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name);
  if (found === undefined) throw new Error(`deploy/overlays/cluster has no ${kind} ${name}`);
  return schemas[kind].parse(found) as z.infer<(typeof schemas)[K]>;
}
