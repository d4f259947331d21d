import { z } from 'zod';
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
const probe = z.object({ httpGet: z.object({ path: z.string(), port: z.string() }) });

const schemas = {
  ClusterRole: z.object({ rules }),
  Role: z.object({ metadata: z.object({ namespace: z.string() }), rules }),
  Deployment: z.object({
    spec: z.object({
      replicas: z.number(),
      template: z.object({
        spec: z.looseObject({
          terminationGracePeriodSeconds: z.number(),
          containers: z.tuple([
            z.looseObject({
              image: z.string(),
              args: z.array(z.string()).default([]),
              ports: z.array(z.object({ name: z.string(), containerPort: z.number() })),
              livenessProbe: probe,
              readinessProbe: probe,
            }),
          ]),
        }),
      }),
    }),
  }),
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
