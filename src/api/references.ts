import { z } from 'zod';
import { crdKeywords, type CrdKeywords } from './crdKeywords.ts';
import { text } from './scalars.ts';

const objectName = (): z.ZodString =>
  text(
    { min: 1, max: 253 },
    {
      'x-kubernetes-validations': [
        {
          rule: "self == '' || !format.dns1123Subdomain().validate(self).hasValue()",
          message: 'must be the name of an object: lower-case letters, digits, hyphens and dots',
        },
      ],
    },
  );

const dataKey = (): z.ZodString =>
  text(
    { min: 1, max: 253 },
    {
      'x-kubernetes-validations': [
        {
          rule: "self == '' || self.matches('^[-._a-zA-Z0-9]+$')",
          message: "must be a key of the object's data: letters, digits, hyphens, underscores and dots",
        },
      ],
    },
  );

const keyRefShape = {
  name: objectName().describe('Name of the object in the same namespace.'),
  key: dataKey().describe("Key in the object's data."),
};

const ATOMIC: CrdKeywords = { 'x-kubernetes-map-type': 'atomic' };

/** A key of a Secret or ConfigMap in the same namespace. */
export const keyRef = z.object(keyRefShape).register(crdKeywords, ATOMIC);

/** A key of a Secret that may be missing where `optional` is true. */
export const optionalKeyRef = z
  .object({
    ...keyRefShape,
    optional: z
      .boolean()
      .optional()
      .describe(
        'True leaves the key out while the Secret or the key in it is not there, instead of waiting for it. Not on ' +
          'the first one.',
      ),
  })
  .register(crdKeywords, ATOMIC);

/** A Secret in the same namespace, all of it. */
export const secretRef = z
  .object({ name: objectName().describe('Name of the Secret in the same namespace.') })
  .register(crdKeywords, ATOMIC);
