import { describe, expect, test } from '@jest/globals';
import type { FlagEvent } from '../../src/api/flagEvent.ts';
import { prepareBody } from '../../src/delivery/body.ts';
import { aFlagUpdated, aFlagWithState, anAuditLog } from '../support/eventSpec.ts';
import { nested } from '../support/nested.ts';
import { seedAuditLog, seedFlagUpdatedBody } from '../support/seedPayloads.ts';

const LIMIT = 524_288;

function bodyOf(spec: FlagEvent['spec']): string {
  const prepared = prepareBody({ spec });
  if ('reason' in prepared) throw new Error(prepared.message);
  return Buffer.from(prepared.body).toString();
}

/** An audit log record whose body has so many bytes. */
function auditLogOf(bytes: number, letter = 'x'): FlagEvent['spec'] {
  const rest = Buffer.byteLength(bodyOf(anAuditLog({ log: '' })));
  return anAuditLog({ log: letter.repeat((bytes - rest) / Buffer.byteLength(letter)) });
}

describe('prepareBody', () => {
  test('wraps a flag event as the seed does, keys sorted', () => {
    const body = bodyOf(aFlagUpdated());

    expect(JSON.parse(body)).toEqual(seedFlagUpdatedBody);
    expect(body).toMatch(
      /^\{"data":\{"changed_by":"user@domain\.com","new_state":\{"enabled":true,.*"event_type":"FLAG_UPDATED"\}$/,
    );
  });

  test('sends an audit log record as it is, keys sorted', () => {
    const body = bodyOf(anAuditLog());

    expect(JSON.parse(body)).toEqual(seedAuditLog);
    expect(body).toMatch(/^\{"author":\{"email":.*,"created_date":.*,"related_object_type":"FEATURE"\}$/);
  });

  test('tells what the event can be matched by', () => {
    expect(prepareBody({ spec: aFlagUpdated() })).toMatchObject({
      facts: { feature: { id: 7168, name: 'butter_bar' } },
    });
  });

  test('keeps null null, absent absent, and fields that are not known', () => {
    const auditLog = JSON.parse(
      '{"created_date":"2020-02-23T17:30:57Z","log":"x","related_object_type":"FEATURE","author":null,' +
        '"__proto__":{"constructor":1},"constructor":{"__proto__":null},"zzz":[null,{}]}',
    );

    expect(bodyOf({ type: 'AUDIT_LOG', flagUpdated: undefined, auditLog })).toBe(
      '{"__proto__":{"constructor":1},"author":null,"constructor":{"__proto__":null},' +
        '"created_date":"2020-02-23T17:30:57Z","log":"x","related_object_type":"FEATURE","zzz":[null,{}]}',
    );
  });

  test('takes no known field from a __proto__ in the payload', () => {
    const auditLog = JSON.parse(
      '{"__proto__":{"log":"x"},"created_date":"2020-02-23T17:30:57Z","related_object_type":"FEATURE"}',
    );

    expect(prepareBody({ spec: { type: 'AUDIT_LOG', flagUpdated: undefined, auditLog } })).toMatchObject({
      reason: 'InvalidPayload',
      message: expect.stringContaining('spec.auditLog.log: '),
    });
  });

  test('sends 10,000 fields that are not known', () => {
    const fields = Object.fromEntries(
      Array.from({ length: 10_000 }, (_, index) => [`field_${index}`, index]),
    );

    expect(JSON.parse(bodyOf(anAuditLog(fields)))).toEqual({ ...seedAuditLog, ...fields });
  });

  test('sends valid UTF-8 where the payload has lone surrogates', () => {
    const prepared = prepareBody({ spec: anAuditLog({ log: '\ud800', '\udfff': 1 }) });
    const body = 'body' in prepared ? prepared.body : new Uint8Array();

    expect(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))).toMatchObject({
      log: '\ud800',
      '\udfff': 1,
    });
  });

  test.each<[string, FlagEvent['spec'], string]>([
    ['a flag event of 65 levels', aFlagUpdated({ own: nested(63) }), 'spec.flagUpdated.own.a.'],
    ['an audit log record of 65 levels', anAuditLog({ own: nested(64) }), 'spec.auditLog.own.a.'],
    ['5,000 levels', aFlagUpdated({ own: nested(5000) }), 'is nested deeper than 64'],
    [
      'a large number in a field that is not known',
      aFlagWithState({ own: 1e300 }),
      'spec.flagUpdated.new_state.own is a number',
    ],
    [
      'a large number in a field that is known',
      aFlagWithState({ identity: 2 ** 53 }),
      'spec.flagUpdated.new_state.identity is a number',
    ],
    ['a known field of another type', aFlagWithState({ enabled: 1 }), 'spec.flagUpdated.new_state.enabled: '],
    [
      'no payload',
      { type: 'FLAG_UPDATED', flagUpdated: undefined, auditLog: undefined },
      'spec.flagUpdated: ',
    ],
    [
      'both a wrong type and too large a body',
      anAuditLog({ log: 'x'.repeat(LIMIT), author: 1 }),
      'spec.auditLog.author: ',
    ],
  ])('refuses %s as InvalidPayload', (_name, spec, want) => {
    expect(prepareBody({ spec })).toEqual({
      reason: 'InvalidPayload',
      message: expect.stringContaining(want),
    });
  });

  test.each<[string, FlagEvent['spec']]>([
    ['a flag event', aFlagUpdated({ own: nested(62) })],
    ['an audit log record', anAuditLog({ own: nested(63) })],
  ])('sends %s of 64 levels', (_name, spec) => {
    expect(prepareBody({ spec })).toHaveProperty('body');
  });

  test('sends a body of 512 KiB', () => {
    expect(prepareBody({ spec: auditLogOf(LIMIT) })).toHaveProperty('body.length', LIMIT);
  });

  test.each([
    ['a byte more', auditLogOf(LIMIT + 1)],
    ['fewer characters, but more bytes of UTF-8', anAuditLog({ log: 'ü'.repeat(LIMIT / 2) })],
  ])('refuses %s as PayloadTooLarge', (_name, spec) => {
    expect(prepareBody({ spec })).toEqual({
      reason: 'PayloadTooLarge',
      message: expect.stringMatching(
        / 524\d{3} bytes, and at most 524288 are sent; make the payload smaller\.$/,
      ),
    });
  });
});
