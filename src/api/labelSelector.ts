import { z } from 'zod';
import { crdKeywords, onlyFieldsRule } from './crdKeywords.ts';
import { text } from './scalars.ts';

const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
/** How many labels a selector may name. */
const MAX_LABELS = 64;

const requirement = z
  .object({
    key: text(
      { min: 1, max: 317 },
      {
        'x-kubernetes-validations': [
          {
            rule: '!format.qualifiedName().validate(self).hasValue()',
            message: 'must be a valid label key: an optional DNS prefix and "/", then at most 63 characters',
          },
        ],
      },
    ).describe("The label's key."),
    operator: z
      .enum(['In', 'NotIn', 'Exists', 'DoesNotExist'])
      .describe("How the label's value relates to values."),
    values: z
      .array(text({ max: 63 }).regex(LABEL_VALUE))
      .max(256)
      .register(crdKeywords, { 'x-kubernetes-list-type': 'atomic' })
      .optional()
      .describe('The values for In and NotIn.'),
  })
  .register(crdKeywords, {
    'x-kubernetes-preserve-unknown-fields': true,
    'x-kubernetes-validations': [
      onlyFieldsRule(['key', 'operator', 'values'], 'may only have key, operator and values'),
      {
        rule:
          "self.operator in ['In', 'NotIn'] ? has(self.values) && size(self.values) > 0 : " +
          '!has(self.values) || size(self.values) == 0',
        message: 'must be given for In and NotIn, and must be empty for Exists and DoesNotExist',
        fieldPath: '.values',
      },
    ],
  })
  .describe('One requirement on one label.');

const isBounded = (labels: Readonly<Record<string, string>>): boolean => {
  const count = Object.keys(labels).length;
  return count >= 1 && count <= MAX_LABELS;
};

const matchLabels = z
  .record(z.string(), text({ max: 63 }, { nullable: true }).regex(LABEL_VALUE))
  .refine(isBounded, { error: `must have 1 to ${MAX_LABELS} labels` })
  .register(crdKeywords, {
    nullable: true,
    minProperties: 1,
    maxProperties: MAX_LABELS,
    'x-kubernetes-validations': [
      {
        rule: 'self.all(k, !format.qualifiedName().validate(k).hasValue())',
        message: 'keys must be valid label keys: an optional DNS prefix and "/", then at most 63 characters',
      },
      {
        rule: 'self.all(k, dyn(self[k]) != null)',
        message: 'values must not be null; use "" for an empty value',
      },
    ],
  });

/** A label selector that selects by something: an empty one is refused, as every empty criterion is. */
export const labelSelector = z
  .object({
    matchLabels: matchLabels.optional().describe('Labels that must all be there with these values.'),
    matchExpressions: z
      .array(requirement)
      .min(1)
      .max(MAX_LABELS)
      .register(crdKeywords, { nullable: true, 'x-kubernetes-list-type': 'atomic' })
      .optional()
      .describe('Requirements that must all hold.'),
  })
  .register(crdKeywords, {
    nullable: true,
    'x-kubernetes-preserve-unknown-fields': true,
    'x-kubernetes-map-type': 'atomic',
    'x-kubernetes-validations': [
      onlyFieldsRule(
        ['matchLabels', 'matchExpressions'],
        'may only have matchLabels and matchExpressions, neither of them null',
      ),
      {
        rule: 'has(self.matchLabels) || has(self.matchExpressions)',
        message: 'must have matchLabels or matchExpressions; leave the selector out to match any labels',
      },
      {
        rule:
          '(has(self.matchLabels) ? size(self.matchLabels) : 0) + ' +
          `(has(self.matchExpressions) ? size(self.matchExpressions) : 0) <= ${MAX_LABELS}`,
        message: `must have at most ${MAX_LABELS} labels, matchLabels and matchExpressions together`,
      },
    ],
  });
export type LabelSelector = Readonly<z.infer<typeof labelSelector>>;
