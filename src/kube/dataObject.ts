import { z } from 'zod';
import { objectMeta, type ObjectMeta } from '../api/objectMeta.ts';
import { SecretBytes } from '../delivery/secretBytes.ts';

/** A Secret or a ConfigMap as it is kept: each value as bytes, and none of them printable. */
export interface DataObject {
  readonly metadata: ObjectMeta;
  readonly data: ReadonlyMap<string, SecretBytes>;
  /** A Secret's type. */
  readonly type?: string | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

// Not z.record, which loses the key __proto__; a Secret may have it.
const values = z.custom<Record<string, string>>(
  (value) =>
    typeof value === 'object' && Object.values(value ?? {}).every((item) => typeof item === 'string'),
);
const dataObject = z.object({
  metadata: objectMeta,
  type: z.string().optional(),
  data: values.nullish(),
  binaryData: values.nullish(),
});

/** Parses a Secret (data in base64) or a ConfigMap (data as text, binaryData in base64); errors show no value. */
export const parseDataObject = (kind: 'Secret' | 'ConfigMap', value: unknown): DataObject => {
  const { metadata, type, data, binaryData } = dataObject.parse(value);
  const encoding = kind === 'Secret' ? 'base64' : 'utf8';
  const bytes = [
    ...Object.entries(data ?? {}).map(([key, text]) => [key, secret(text, encoding)] as const),
    ...Object.entries(binaryData ?? {}).map(([key, text]) => [key, secret(text, 'base64')] as const),
  ];
  return { metadata, type, data: new Map(bytes), annotations: metadata.annotations };
};

const secret = (text: string, encoding: 'base64' | 'utf8'): SecretBytes =>
  new SecretBytes(Buffer.from(text, encoding));
