import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';

export const baseFolder = join(import.meta.dirname, '../../deploy/base');

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
      strategy: z.object({ type: z.string() }),
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

/** What is read of the only object of deploy/base that has this kind. */
export function baseObject<K extends keyof typeof schemas>(kind: K): z.infer<(typeof schemas)[K]> {
  const files = readdirSync(baseFolder).map((name) => readFileSync(join(baseFolder, name), 'utf8'));
  const found = files
    .flatMap((text) => parseAllDocuments(text).map((document): unknown => document.toJS()))
    .filter((object) => z.object({ kind: z.literal(kind) }).safeParse(object).success);
  if (found.length !== 1) throw new Error(`deploy/base has ${found.length} objects of kind ${kind}`);
  return schemas[kind].parse(found[0]) as z.infer<(typeof schemas)[K]>;
}
