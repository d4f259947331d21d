import { z } from 'zod';
import { crdKeywords, onlyFieldsRule, type CrdKeywords, type ValidationRule } from './crdKeywords.ts';
import { labelSelector } from './labelSelector.ts';
import { integer, text } from './scalars.ts';

// Unknown criteria would be dropped by the API server, and the endpoint would receive more events than was meant. So
// each object here keeps what it doesn't know for a rule to refuse it. The criteria are nullable in the CRD for the
// same reason: a null ("environments:" and nothing below it) would be dropped as well.
const criterion = (listType: 'atomic' | 'set'): CrdKeywords => ({
  nullable: true,
  'x-kubernetes-list-type': listType,
});
const closed = (...rules: ValidationRule[]): CrdKeywords => ({
  'x-kubernetes-map-type': 'atomic',
  'x-kubernetes-preserve-unknown-fields': true,
  'x-kubernetes-validations': rules,
});

const id = integer().register(crdKeywords, { nullable: true });
const name = text({ min: 1, max: 2000 }, { nullable: true });

const reference = (nameDescription: string) =>
  z
    .object({
      id: id.optional().describe('The numeric id.'),
      name: name.optional().describe(nameDescription),
    })
    .register(
      crdKeywords,
      closed(
        {
          rule: 'has(self.id) || has(self.name)',
          message: 'id or name is required',
          reason: 'FieldValueRequired',
        },
        onlyFieldsRule(['id', 'name'], 'may only have id and name, neither of them null'),
      ),
    )
    .describe('An id, a name, or both; given both, both must match.');

const idOrName = reference('The exact name.');
export type IdOrName = Readonly<z.infer<typeof idOrName>>;

const organisation = z
  .object({ id: id.describe('The numeric id.') })
  .register(crdKeywords, closed(onlyFieldsRule(['id'], 'may only have an id, not null')))
  .describe('An id; the payload has no more.');

export const action = z.enum(['Created', 'Updated', 'IdentityOverridden', 'SegmentOverridden']);
export type Action = z.infer<typeof action>;

const listOf = <T extends z.ZodType>(item: T) =>
  z.array(item).min(1).max(256).register(crdKeywords, criterion('atomic')).optional();

export const match = z
  .object({
    environments: listOf(idOrName).describe(
      'Any of these environments. An audit log event whose environment is null does not match.',
    ),
    projects: listOf(idOrName).describe(
      'Any of these projects: the one that the feature (FLAG_UPDATED) or the entry (AUDIT_LOG) belongs to.',
    ),
    organisations: listOf(organisation).describe(
      'Any of these organisations. FLAG_UPDATED carries no organisation and so does not match.',
    ),
    features: listOf(reference('The exact name; with a "*" at its end, any name that begins so.')).describe(
      'Any of these features. AUDIT_LOG carries no feature name, and a feature id (related_object_id) only where ' +
        'related_object_type is FEATURE.',
    ),
    actions: z
      .array(action)
      .min(1)
      .max(action.options.length)
      .register(crdKeywords, criterion('set'))
      .optional()
      .describe(
        'Any of these actions of FLAG_UPDATED, told from the payload in this order: IdentityOverridden where ' +
          'new_state.identity or identity_identifier is not null, SegmentOverridden where ' +
          'new_state.feature_segment is not null, Created where previous_state is absent or null, else Updated. ' +
          'AUDIT_LOG carries no action and so does not match.',
      ),
    selector: labelSelector.optional().describe('A label selector on the FlagEvent.'),
  })
  .register(crdKeywords, {
    'x-kubernetes-preserve-unknown-fields': true,
    'x-kubernetes-validations': [
      onlyFieldsRule(
        ['environments', 'projects', 'organisations', 'features', 'actions', 'selector'],
        'may only have environments, projects, organisations, features, actions and selector, none of them null',
      ),
    ],
  });
export type Match = Readonly<z.infer<typeof match>>;
