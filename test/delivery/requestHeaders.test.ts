import { describe, expect, test } from '@jest/globals';
import { requestHeaders } from '../../src/delivery/requestHeaders.ts';
import { SecretBytes } from '../../src/delivery/secretBytes.ts';

const request = {
  deliveryId: 'msg_1',
  timestampSeconds: 1764000000,
  body: Buffer.from('{}'),
  version: '1.2.3',
  headers: [
    ['Authorization', 'Bearer token'],
    ['X-Team', 'shop'],
  ],
} as const;

describe('requestHeaders', () => {
  test('come in the order of the contract, the own ones of the endpoint last', () => {
    const headers = requestHeaders({ ...request, keys: [new SecretBytes(Buffer.from('key'))] });

    expect(headers.map(([name]) => name)).toEqual([
      'Content-Type',
      'User-Agent',
      'X-Flagsmith-Signature',
      'webhook-id',
      'webhook-timestamp',
      'webhook-signature',
      'Authorization',
      'X-Team',
    ]);
  });

  test('of an endpoint without a key have no signature', () => {
    expect(requestHeaders({ ...request, keys: [] })).toEqual([
      ['Content-Type', 'application/json'],
      ['User-Agent', 'Flagpost/1.2.3'],
      ['webhook-id', 'msg_1'],
      ['webhook-timestamp', '1764000000'],
      ['Authorization', 'Bearer token'],
      ['X-Team', 'shop'],
    ]);
  });
});
