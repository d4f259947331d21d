import { describe, expect, test } from '@jest/globals';
import type { EventType } from '../../src/api/flagEvent.ts';
import type { Match } from '../../src/api/webhookEndpoint.ts';
import type { EventFacts } from '../../src/delivery/facts.ts';
import { matches } from '../../src/delivery/match.ts';

const flagUpdated: EventFacts = {
  type: 'FLAG_UPDATED',
  environment: { id: 23, name: 'Development' },
  project: { id: 12, name: 'Flagsmith Website' },
  organisation: null,
  feature: { id: 7168, name: 'butter_bar' },
  action: 'Updated',
};
const auditLog: EventFacts = {
  type: 'AUDIT_LOG',
  environment: null,
  project: { id: 6, name: 'Project name' },
  organisation: { id: 1 },
  feature: { id: 6 },
  action: null,
};
const labels = { team: 'shop' };
const BOTH: EventType[] = ['FLAG_UPDATED', 'AUDIT_LOG'];

describe('matches', () => {
  test.each<[EventType[], boolean, boolean]>([
    [['FLAG_UPDATED'], true, false],
    [['AUDIT_LOG'], false, true],
    [BOTH, true, true],
  ])('of an endpoint for %j: a flag event %s, an audit event %s', (eventTypes, flag, audit) => {
    expect(matches({ eventTypes }, flagUpdated, labels)).toBe(flag);
    expect(matches({ eventTypes }, auditLog, labels)).toBe(audit);
  });

  test.each<[Match, boolean, boolean]>([
    [{}, true, true],
    [{ environments: [{ name: 'Development' }] }, true, false],
    [{ environments: [{ id: 23 }] }, true, false],
    [{ environments: [{ id: 23, name: 'Development' }] }, true, false],
    [{ environments: [{ id: 23, name: 'Production' }] }, false, false],
    [{ environments: [{ id: 24, name: 'Development' }] }, false, false],
    [{ environments: [{ name: 'Production' }, { id: 23 }] }, true, false],
    [{ environments: [{ name: 'development' }] }, false, false],
    [{ environments: [{ name: 'Dev*' }] }, false, false],
    [{ environments: [] }, false, false],
    [{ projects: [{ id: 12 }] }, true, false],
    [{ projects: [{ name: 'Project name' }] }, false, true],
    [{ projects: [{ id: 12 }, { id: 6 }] }, true, true],
    [{ organisations: [{ id: 1 }] }, false, true],
    [{ organisations: [{ id: 2 }] }, false, false],
    [{ features: [{ name: 'butter_bar' }] }, true, false],
    [{ features: [{ name: 'butter' }] }, false, false],
    [{ features: [{ name: 'butter*' }] }, true, false],
    [{ features: [{ name: 'butter_bar*' }] }, true, false],
    [{ features: [{ name: 'butter_bars*' }] }, false, false],
    [{ features: [{ name: 'but*er_bar' }] }, false, false],
    [{ features: [{ name: '*' }] }, true, false],
    [{ features: [{ id: 7168 }] }, true, false],
    [{ features: [{ id: 6 }] }, false, true],
    [{ features: [{ id: 6, name: '*' }] }, false, false],
    [{ features: [{ id: 7168, name: 'butter*' }] }, true, false],
    [{ features: [{ id: 7169, name: 'butter*' }] }, false, false],
    [{ actions: ['Updated'] }, true, false],
    [{ actions: ['Created', 'Updated'] }, true, false],
    [{ actions: ['Created', 'IdentityOverridden', 'SegmentOverridden'] }, false, false],
    [{ selector: { matchLabels: { team: 'shop' } } }, true, true],
    [{ selector: { matchLabels: { team: 'cart' } } }, false, false],
    [{ environments: [{ id: 23 }], features: [{ name: 'other' }] }, false, false],
    [{ environments: [{ id: 23 }], features: [{ name: 'butter*' }], actions: ['Updated'] }, true, false],
    [{ projects: [{ id: 6 }], selector: { matchLabels: { team: 'cart' } } }, false, false],
  ])('by %j: a flag event %s, an audit event %s', (match, flag, audit) => {
    expect(matches({ eventTypes: BOTH, match }, flagUpdated, labels)).toBe(flag);
    expect(matches({ eventTypes: BOTH, match }, auditLog, labels)).toBe(audit);
  });

  test('compares ids with 0 as with any other', () => {
    const facts = { ...flagUpdated, environment: { id: 0, name: '' } };

    expect(matches({ eventTypes: BOTH, match: { environments: [{ id: 0 }] } }, facts, labels)).toBe(true);
    expect(matches({ eventTypes: BOTH, match: { environments: [{ id: 0 }] } }, flagUpdated, labels)).toBe(
      false,
    );
  });

  test('does not match a feature where the event carries none', () => {
    const facts = { ...auditLog, feature: null };

    expect(matches({ eventTypes: BOTH, match: { features: [{ id: 6 }] } }, facts, labels)).toBe(false);
  });
});
