import { describe, expect, test } from '@jest/globals';
import type { UID } from '../../src/api/objectMeta.ts';
import { deliveryId } from '../../src/delivery/deliveryId.ts';

const EVENT = '11111111-1111-4111-8111-111111111111' as UID;
const ENDPOINT = '22222222-2222-4222-8222-222222222222' as UID;

describe('deliveryId', () => {
  test('stays what it was, since receivers know deliveries by it', () => {
    expect(deliveryId(EVENT, ENDPOINT)).toBe('msg_nYj6Du4dNe11jPRWM0efl_EGGF60AAgs700S6EF0L64');
  });

  test('has only letters that are safe in a URL and in what is signed', () => {
    expect(deliveryId(EVENT, ENDPOINT)).toMatch(/^msg_[A-Za-z0-9_-]{43}$/);
  });

  test('is another for another event, another endpoint, and the two exchanged', () => {
    const ids = [
      deliveryId(EVENT, ENDPOINT),
      deliveryId(ENDPOINT, EVENT),
      deliveryId(EVENT, EVENT),
      deliveryId(ENDPOINT, ENDPOINT),
    ];

    expect(new Set(ids).size).toBe(4);
  });
});
