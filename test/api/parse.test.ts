import { describe, expect, test } from '@jest/globals';
import { ParseError, parseFlagEvent, parseWebhookEndpoint } from '../../src/api/parse.ts';
import { goodEndpoints } from '../support/manifests/goodEndpoints.ts';
import { goodEvents } from '../support/manifests/goodEvents.ts';
import type { Manifest } from '../support/manifests/manifest.ts';
import { seedFlagUpdated } from '../support/seedPayloads.ts';

/** What the API server makes of a manifest, as far as a parser sees it. */
function stored(manifest: Manifest, status: unknown = { observedGeneration: -1 }): Record<string, unknown> {
  return {
    ...manifest,
    metadata: {
      ...manifest.metadata,
      namespace: 'shop',
      uid: '6d3c',
      resourceVersion: '17',
      generation: 1,
      creationTimestamp: '2026-11-25T02:07:54Z',
      managedFields: [{ manager: 'kubectl', operation: 'Apply' }],
    },
    spec: JSON.parse(JSON.stringify(manifest.spec)) as unknown,
    status,
  };
}

const event: Manifest = {
  apiVersion: 'flagpost.dev/v1alpha1',
  kind: 'FlagEvent',
  metadata: { name: 'butter-bar' },
  spec: { type: 'FLAG_UPDATED', flagUpdated: seedFlagUpdated },
};
const endpoint: Manifest = {
  apiVersion: 'flagpost.dev/v1alpha1',
  kind: 'WebhookEndpoint',
  metadata: { name: 'flag-cache' },
  spec: { url: 'https://a.example/hook?token=s3cret', eventTypes: ['FLAG_UPDATED'] },
};

function errorOf(parse: () => unknown): ParseError {
  try {
    parse();
  } catch (error) {
    if (error instanceof ParseError) return error;
  }
  throw new Error('no ParseError');
}

describe('parseFlagEvent', () => {
  test.each(goodEvents)('takes what the API server stores: $what', ({ manifest }) => {
    expect(() => parseFlagEvent(stored(manifest))).not.toThrow();
  });

  test('gives the payload as the very same object', () => {
    const flagUpdated: unknown = JSON.parse('{"__proto__": {"a": 1}, "constructor": null}');
    const parsed = parseFlagEvent(stored({ ...event, spec: { type: 'FLAG_UPDATED' } }));
    expect(parsed.spec).toEqual({ type: 'FLAG_UPDATED' });
    const object = { ...stored(event), spec: { type: 'FLAG_UPDATED', flagUpdated } };
    expect(parseFlagEvent(object).spec.flagUpdated).toBe(flagUpdated);
    expect(JSON.stringify(flagUpdated)).toBe('{"__proto__":{"a":1},"constructor":null}');
  });

  test('leaves out managedFields and what a later version may know', () => {
    const parsed = parseFlagEvent({ ...stored(event), later: 1 });
    expect(Object.keys(parsed)).toEqual(['metadata', 'spec', 'status']);
    expect(parsed.metadata).not.toHaveProperty('managedFields');
  });

  test('does not change what it is given', () => {
    const object = stored(event);
    const before = JSON.stringify(object);
    parseFlagEvent(object);
    expect(JSON.stringify(object)).toBe(before);
  });

  test('takes an event that nobody has looked at', () => {
    const { status: _, ...object } = stored(event);
    expect(parseFlagEvent(object).status).toBeUndefined();
  });

  test('takes messages of 256 characters that are more UTF-16 units', () => {
    const delivery = {
      endpointName: 'a',
      endpointUID: 'u',
      deliveryID: 'msg_1',
      state: 'Pending',
      message: '🚩'.repeat(256),
    };
    expect(parseFlagEvent(stored(event, { deliveries: [delivery] })).status?.deliveries).toEqual([delivery]);
  });

  test('names the object and the fields that are wrong', () => {
    const object = {
      ...stored(event),
      status: { deliveries: [{ endpointName: 'a', endpointUID: 'u', deliveryID: 7 }] },
    };
    const error = errorOf(() => parseFlagEvent(object));
    expect(error).toMatchObject({
      kind: 'FlagEvent',
      object: 'shop/butter-bar',
      field: 'status.deliveries[0].deliveryID',
    });
    expect(error.message).toMatch(
      /^FlagEvent shop\/butter-bar: status\.deliveries\[0\]\.deliveryID: .*; status\.deliveries\[0\]\.state: /,
    );
  });

  test.each([undefined, null, 'x', 7, [], {}])('refuses %p with a ParseError', (value) => {
    expect(errorOf(() => parseFlagEvent(value)).message).toMatch(/^FlagEvent \(without a name\): /);
  });
});

describe('parseWebhookEndpoint', () => {
  test.each(goodEndpoints)('takes what the API server stores: $what', ({ manifest }) => {
    expect(() => parseWebhookEndpoint(stored(manifest))).not.toThrow();
  });

  test('gives the defaults where they are missing', () => {
    expect(parseWebhookEndpoint(stored(endpoint)).spec).toMatchObject({
      timeoutSeconds: 10,
      retry: { initialDelaySeconds: 5, maxDelaySeconds: 3600, giveUpAfterSeconds: 259200 },
      maxInFlight: 8,
    });
  });

  test('shows no value in an error', () => {
    const object = {
      ...stored(endpoint),
      spec: {
        url: ['https://s3cret.example'],
        eventTypes: ['s3cret'],
        headers: [{ name: 's3cret', value: 7 }],
      },
    };
    const error = errorOf(() => parseWebhookEndpoint(object));
    expect(error.message).toMatch(/spec\.url: .*spec\.eventTypes\[0\]: .*spec\.headers\[0\]\.value: /);
    expect(error.message).not.toContain('s3cret');
  });
});
