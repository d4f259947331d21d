import { z } from 'zod';
import { crdKeywords } from './crdKeywords.ts';
import { integer, time } from './scalars.ts';

/** An object of the payload: fields that are not described are kept and sent. What is parsed has the described ones only. */
function payloadObject<T extends z.core.$ZodLooseShape>(shape: T): z.ZodObject<T> {
  return z.object(shape).register(crdKeywords, { 'x-kubernetes-preserve-unknown-fields': true });
}

/**
 * The payload itself has no type in the CRD: the API server compares type-less values as a whole (unknown fields,
 * null and absent included), but typed ones only by known fields, and it can't be changed. The bound on properties
 * concerns objects only and stands in for the type. CEL can only compare such a value, and no rule can be below it.
 */
function payload<T extends z.core.$ZodLooseShape>(shape: T): z.ZodObject<T> {
  return z.object(shape).register(crdKeywords, {
    'x-kubernetes-preserve-unknown-fields': true,
    type: undefined,
    not: { minProperties: 1_000_000 },
  });
}

// Optional fields are nullish: null stays null and absent stays absent, and the API server drops a null in a field
// that is not nullable without a word.
const idAndName = {
  id: integer().describe('The numeric id.'),
  name: z.string().describe('The name.'),
};

const isObject = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** An object without described fields; parsed, it is the very same object. */
const anyObject = z
  .custom<Readonly<Record<string, unknown>>>(isObject, { error: 'Invalid input: expected object' })
  .register(crdKeywords, { type: 'object', 'x-kubernetes-preserve-unknown-fields': true });

// A structural schema has no union of types. Each bound concerns values of one type; those for objects and lists
// admit none.
const featureValue = z.union([z.string(), integer(), z.boolean()]).register(crdKeywords, {
  'x-kubernetes-preserve-unknown-fields': true,
  minProperties: 1,
  maxProperties: 0,
  minItems: 1,
  maxItems: 0,
  multipleOf: 1,
  minimum: Number.MIN_SAFE_INTEGER,
  maximum: Number.MAX_SAFE_INTEGER,
});

const feature = payloadObject({
  ...idAndName,
  created_date: time().nullish().describe('When it was created, RFC 3339.'),
  default_enabled: z.boolean().nullish().describe('Whether the feature is on by default.'),
  description: z.string().nullish().describe('What the feature is for.'),
  initial_value: z.string().nullish().describe('The value that the feature began with.'),
  project: payloadObject(idAndName).nullish().describe('The project that the feature belongs to.'),
  type: z.string().nullish().describe("The feature's type, as Flagsmith names it."),
});

const featureState = payloadObject({
  enabled: z.boolean().describe('Whether the feature is on.'),
  environment: payloadObject(idAndName).describe('The environment that the state belongs to.'),
  feature: feature.describe('The feature.'),
  feature_segment: anyObject
    .nullish()
    .describe('The segment that the state is an override for; null where it is not.'),
  feature_state_value: featureValue
    .nullish()
    .describe("The feature's value: a string, an integer, a boolean or null."),
  identity: integer()
    .nullish()
    .describe('The id of the identity that the state is an override for; null where it is not.'),
  identity_identifier: z.string().nullish().describe('The name of that identity.'),
});

/** The `data` of a FLAG_UPDATED web hook, as the seed has it. For reading; what is sent is what is stored. */
export const flagUpdated = payload({
  changed_by: z
    .string()
    .describe("The e-mail address of who made the change, or the name of the organisation's API key."),
  new_state: featureState.describe("The feature's state in the environment after the change."),
  previous_state: featureState
    .nullish()
    .describe(
      "The feature's state in the environment before the change; absent or null where the feature is new.",
    ),
  timestamp: time().describe('When the change was made, RFC 3339.'),
});
export type FlagUpdated = Readonly<z.infer<typeof flagUpdated>>;

const author = payloadObject({
  id: integer().nullish().describe('The numeric id.'),
  email: z.string().describe('The e-mail address.'),
  first_name: z.string().nullish().describe('The first name.'),
  last_name: z.string().nullish().describe('The last name.'),
});

const auditProject = payloadObject({
  ...idAndName,
  organisation: integer().nullish().describe('The id of the organisation that the project belongs to.'),
});

/** The body of an audit log web hook, as the seed has it. For reading; what is sent is what is stored. */
export const auditLog = payload({
  created_date: time().describe('When the entry was made, RFC 3339.'),
  log: z.string().describe('What was done, for people.'),
  author: author.nullish().describe('Who did it; null where it was no person.'),
  environment: payloadObject(idAndName)
    .nullish()
    .describe('The environment that was changed; null where the change was to no single one.'),
  project: auditProject
    .nullish()
    .describe('The project that was changed; null where the change was to none.'),
  related_object_id: integer().nullish().describe('The id of what was changed.'),
  related_object_type: z.string().describe('The kind of what was changed, for example FEATURE.'),
});
export type AuditLog = Readonly<z.infer<typeof auditLog>>;
