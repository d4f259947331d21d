import { z } from 'zod';

/** A CEL rule. `message` says what to do; `fieldPath` is relative to the node that the rule stands at. */
export interface ValidationRule {
  readonly rule: string;
  readonly message: string;
  // Not FieldValueDuplicate: it hides the message.
  readonly reason?: 'FieldValueRequired' | 'FieldValueForbidden';
  readonly fieldPath?: string;
}

/** Keywords of an OpenAPI v3 schema as apiextensions.k8s.io/v1 knows them, as far as this API uses them. */
export interface CrdKeywords {
  type?: string | undefined;
  description?: string;
  format?: string;
  nullable?: boolean;
  default?: unknown;
  enum?: readonly unknown[];
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  multipleOf?: number;
  minItems?: number;
  maxItems?: number;
  minProperties?: number;
  maxProperties?: number;
  not?: CrdKeywords;
  required?: readonly string[];
  properties?: Readonly<Record<string, CrdKeywords>>;
  additionalProperties?: CrdKeywords | undefined;
  items?: CrdKeywords;
  'x-kubernetes-preserve-unknown-fields'?: true;
  'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  'x-kubernetes-list-map-keys'?: readonly string[];
  'x-kubernetes-map-type'?: 'atomic';
  'x-kubernetes-validations'?: readonly ValidationRule[];
}

/**
 * What a CRD says about a schema beyond what zod can: the generator lays these keywords over those of
 * z.toJSONSchema; one that is undefined takes the keyword away. Register a schema before it is wrapped
 * (`.optional()`, `.nullish()`, `.default()`): wrappers take the keywords of what they wrap.
 */
export const crdKeywords = z.registry<CrdKeywords>();

/** The rule that refuses a field that the schema doesn't know, and one that is null: has() says false for it. */
export function onlyFieldsRule(fields: readonly string[], message: string): ValidationRule {
  const known = fields.map((field) => `has(self.${field})`).join(', ');
  return { rule: `size(dyn(self)) == [${known}].filter(known, known).size()`, message };
}
