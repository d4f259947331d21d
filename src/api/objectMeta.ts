import { z } from 'zod';

/** An object's UID. Objects are known by it: one that is deleted and created again under its name is another. */
export type UID = string & z.$brand<'UID'>;

/** A resource version: an opaque string, to be compared for equality only. */
export type ResourceVersion = string & z.$brand<'ResourceVersion'>;

/** What the operator reads of ObjectMeta. Other fields are left where they are. */
export const objectMeta = z.object({
  name: z.string(),
  namespace: z.string().default(''),
  uid: z.string().brand<'UID'>(),
  resourceVersion: z.string().brand<'ResourceVersion'>(),
  generation: z.number().default(1),
  creationTimestamp: z.string(),
  deletionTimestamp: z.string().optional(),
  labels: z.record(z.string(), z.string()).optional(),
  annotations: z.record(z.string(), z.string()).optional(),
});

export type ObjectMeta = Readonly<z.infer<typeof objectMeta>>;
