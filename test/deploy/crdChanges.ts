type Json = Readonly<Record<string, unknown>>;

/** Keywords of which a higher number refuses what a lower one took, and the other way round. */
const LOWER_BOUNDS = ['minimum', 'minLength', 'minItems', 'minProperties'];
const UPPER_BOUNDS = ['maximum', 'maxLength', 'maxItems', 'maxProperties'];
/** Keywords whose every change may refuse something, or gives it another meaning. */
const FIXED = [
  ...['type', 'format', 'pattern', 'multipleOf', 'not', 'default'],
  ...['x-kubernetes-list-type', 'x-kubernetes-list-map-keys', 'x-kubernetes-map-type'],
];
/** What objects that are stored, and people's scripts, know a CRD by. */
const IDENTITY = ['group', 'scope', 'names.kind', 'names.plural', 'names.singular'];

/**
 * What of a CRD's change breaks objects that are stored or programs that are written, a sentence each; none for a change
 * that only lets more in. A new CEL rule counts: whether it refuses something old can't be seen.
 */
export function breakingChanges(before: Json, after: Json): string[] {
  const [was, is] = [at(before, 'spec'), at(after, 'spec')];
  return [
    ...IDENTITY.filter((path) => at(was, path) !== at(is, path)).map((path) => `spec.${path} has changed`),
    ...missing(at(was, 'names.shortNames'), at(is, 'names.shortNames')).map(
      (name) => `short name ${name} is gone`,
    ),
    ...items(was, 'versions').flatMap((version) => {
      const name = String(version['name']);
      const now = items(is, 'versions').find((one) => one['name'] === name);
      return versionChanges(version, now).map((change) => `${name}: ${change}`);
    }),
  ];
}

function versionChanges(before: Json, after: Json | undefined): string[] {
  if (after === undefined) return ['the version is gone'];
  const schema = 'schema.openAPIV3Schema';
  const fields = (version: Json) => items(version, 'selectableFields').map((field) => field['jsonPath']);
  return [
    ...(before['served'] === true && after['served'] !== true ? ['it is no longer served'] : []),
    ...missing(Object.keys(object(before, 'subresources')), Object.keys(object(after, 'subresources'))).map(
      (name) => `subresource ${name} is gone`,
    ),
    ...missing(fields(before), fields(after)).map((path) => `selectable field ${path} is gone`),
    ...schemaChanges(object(before, schema), object(after, schema), ''),
  ];
}

function schemaChanges(before: Json, after: Json, path: string): string[] {
  const name = path === '' ? 'the root' : path.slice(1);
  const number = (schema: Json, keyword: string, fallback: number) => Number(schema[keyword] ?? fallback);
  const own = [
    ...FIXED.filter((keyword) => !same(before[keyword], after[keyword])).map(
      (keyword) => `${keyword} has changed`,
    ),
    ...LOWER_BOUNDS.filter(
      (keyword) => number(after, keyword, -Infinity) > number(before, keyword, -Infinity),
    ).map((keyword) => `${keyword} is higher`),
    ...UPPER_BOUNDS.filter(
      (keyword) => number(after, keyword, Infinity) < number(before, keyword, Infinity),
    ).map((keyword) => `${keyword} is lower`),
    ...narrowedEnum(before['enum'], after['enum']),
    ...(before['nullable'] === true && after['nullable'] !== true ? ['null is refused'] : []),
    ...missing(after['required'], before['required']).map((field) => `${field} is required now`),
    ...missing(rulesOf(after), rulesOf(before)).map((rule) => `a new rule: ${rule}`),
    ...(takesUnknown(before) && !takesUnknown(after) ? ['unknown fields are dropped'] : []),
  ];
  const [fields, newFields] = [object(before, 'properties'), object(after, 'properties')];
  const gone = missing(Object.keys(fields), Object.keys(newFields)).map((field) => `${field} is gone`);
  const children = Object.keys(fields)
    .filter((field) => field in newFields)
    .flatMap((field) => schemaChanges(object(fields, field), object(newFields, field), `${path}.${field}`));
  const inner = (['items', 'additionalProperties'] as const)
    .filter((keyword) => isObject(before[keyword]) && isObject(after[keyword]))
    .flatMap((keyword) => schemaChanges(object(before, keyword), object(after, keyword), `${path}[]`));
  return [...[...own, ...gone].map((change) => `${name}: ${change}`), ...children, ...inner];
}

function narrowedEnum(before: unknown, after: unknown): string[] {
  if (after === undefined) return [];
  if (before === undefined) return ['only certain values are allowed now'];
  return missing(before, after).map((value) => `the value ${value} is refused`);
}

function takesUnknown(schema: Json): boolean {
  return schema['x-kubernetes-preserve-unknown-fields'] === true || 'additionalProperties' in schema;
}

const rulesOf = (schema: Json) => items(schema, 'x-kubernetes-validations').map(({ rule }) => rule);

/** What is in the first list and not in the second, as text; an absent list is empty. */
function missing(some: unknown, others: unknown): string[] {
  const known = Array.isArray(others) ? others : [];
  const gone = Array.isArray(some) ? some.filter((one) => !known.some((other) => same(one, other))) : [];
  return gone.map((one) => (typeof one === 'string' ? one : JSON.stringify(one)));
}

const same = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other);
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null;

/** What is at a path such as `names.kind`. */
function at(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((inner, name) => (isObject(inner) ? inner[name] : undefined), value);
}

/** An object at a path, or an empty one. */
function object(value: unknown, path: string): Json {
  const found = at(value, path);
  return isObject(found) ? found : {};
}

function items(value: unknown, path: string): readonly Json[] {
  const found = at(value, path);
  return Array.isArray(found) ? found.filter(isObject) : [];
}
