import { inspect } from 'node:util';
import { expect, test } from '@jest/globals';
import { parseDataObject } from '../../src/kube/dataObject.ts';

const metadata = {
  name: 'hook',
  namespace: 'shop',
  uid: 'u',
  resourceVersion: '1',
  creationTimestamp: '2026-01-01T00:00:00Z',
  annotations: { 'flagpost.dev/allowed-hosts': 'a.example' },
};
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const revealed = (object: ReturnType<typeof parseDataObject>): Record<string, string> =>
  Object.fromEntries([...object.data].map(([key, bytes]) => [key, bytes.reveal().toString('latin1')]));

test("a Secret's values are its bytes, whatever they are", () => {
  const data = {
    key: base64('s3cr3t\r\n'),
    binary: Buffer.from([0, 255, 254]).toString('base64'),
    empty: '',
  };
  const secret = parseDataObject('Secret', { metadata, type: 'Opaque', data });
  expect(revealed(secret)).toEqual({ key: 's3cr3t\r\n', binary: '\0ÿþ', empty: '' });
  expect(secret.type).toBe('Opaque');
  expect(secret.annotations).toEqual(metadata.annotations);
});

test("a ConfigMap's values are its text in UTF-8, and its binary data", () => {
  const map = parseDataObject('ConfigMap', { metadata, data: { a: 'ü' }, binaryData: { b: base64('x') } });
  expect(revealed(map)).toEqual({ a: 'Ã¼', b: 'x' });
});

test('a key may have any name that Kubernetes admits', () => {
  const value: unknown = JSON.parse(
    JSON.stringify({ metadata, data: {} }).replace('"data":{}', `"data":{"__proto__":"${base64('x')}"}`),
  );
  expect(parseDataObject('Secret', value).data.get('__proto__')?.reveal().toString()).toBe('x');
});

test('there may be no data at all', () => {
  expect(parseDataObject('Secret', { metadata }).data.size).toBe(0);
  expect(parseDataObject('ConfigMap', { metadata, data: null }).data.size).toBe(0);
});

test('no value is ever printed, not even by an error', () => {
  const secret = parseDataObject('Secret', { metadata, data: { key: base64('s3cr3t') } });
  expect(inspect(secret, { depth: 9 }) + JSON.stringify([...secret.data])).not.toMatch(/s3cr3t|czNjcjN0/);
  const parse = (): unknown => parseDataObject('Secret', { metadata, data: ['s3cr3t', 5] });
  expect(parse).toThrow('data');
  expect(parse).not.toThrow(/s3cr3t/);
});
