import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { labelled, matching } from '../support/addressing.ts';
import { aFlagUpdated, aFlagWithState, anAuditLog } from '../support/eventSpec.ts';
import {
  startOperatorProcess,
  type OperatorProcess,
  operatorKubeconfig,
} from '../support/operatorProcess.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';
import { aTenant, type Tenant } from '../support/tenant.ts';

let tenant: Tenant;
let neighbour: Tenant;
let racer: Tenant;
let operator: OperatorProcess;
let receiver: Receiver;

beforeAll(async () => {
  const cluster = await sharedControlPlane();
  [tenant, neighbour, racer] = await Promise.all([aTenant(cluster), aTenant(cluster), aTenant(cluster)]);
  receiver = await startReceiver();
  operator = await startOperatorProcess({
    kubeconfig: operatorKubeconfig(cluster),
    namespaces: [tenant.namespace, neighbour.namespace, racer.namespace],
  });
}, 120_000);

afterAll(async () => {
  await receiver?.close();
  expect(await operator?.stop()).toBe(0);
});

const BOTH = { eventTypes: ['FLAG_UPDATED', 'AUDIT_LOG'] };

const endpoints: Readonly<Record<string, object>> = {
  'action-created': { match: { actions: ['Created'] } },
  'action-identity': { match: { actions: ['IdentityOverridden'] } },
  'action-segment': { match: { actions: ['SegmentOverridden'] } },
  'action-updated': { match: { actions: ['Updated'] } },
  'audit-only': { eventTypes: ['AUDIT_LOG'] },
  'environment-id': { ...BOTH, match: { environments: [{ id: 23 }] } },
  'environment-name': { ...BOTH, match: { environments: [{ name: 'Production' }, { name: 'Development' }] } },
  'environment-other': { ...BOTH, match: { environments: [{ id: 24, name: 'Development' }] } },
  everything: { ...BOTH, match: {} },
  'feature-id': { ...BOTH, match: { features: [{ id: 6 }, { id: 7168 }] } },
  'feature-prefix': { ...BOTH, match: { features: [{ name: 'butter*' }] } },
  'flag-only': {},
  organisation: { ...BOTH, match: { organisations: [{ id: 1 }] } },
  project: { ...BOTH, match: { projects: [{ name: 'Flagsmith Website' }] } },
  selector: {
    ...BOTH,
    match: { selector: { matchExpressions: [{ key: 'team', operator: 'In', values: ['shop'] }] } },
  },
  'two-criteria': { ...BOTH, match: { projects: [{ id: 12 }], actions: ['Created'] } },
};

const ALWAYS_OF_FLAGS = [
  'environment-id',
  'environment-name',
  'everything',
  'feature-id',
  'feature-prefix',
  'flag-only',
  'project',
];

const events: readonly (readonly [
  name: string,
  spec: unknown,
  labels: Record<string, string>,
  to: string[],
])[] = [
  ['updated', aFlagUpdated(), { team: 'shop' }, [...ALWAYS_OF_FLAGS, 'action-updated', 'selector']],
  [
    'created',
    aFlagUpdated({ previous_state: null }),
    { team: 'other' },
    [...ALWAYS_OF_FLAGS, 'action-created', 'two-criteria'],
  ],
  [
    'identity',
    aFlagWithState({ identity_identifier: 'me', feature_segment: {} }),
    {},
    [...ALWAYS_OF_FLAGS, 'action-identity'],
  ],
  ['segment', aFlagWithState({ feature_segment: {} }), {}, [...ALWAYS_OF_FLAGS, 'action-segment']],
  ['audit', anAuditLog(), {}, ['audit-only', 'everything', 'feature-id', 'organisation']],
  [
    'audit-environment',
    anAuditLog({
      environment: { id: 23, name: 'Development' },
      project: null,
      related_object_type: 'SEGMENT',
    }),
    { team: 'shop' },
    ['audit-only', 'environment-id', 'environment-name', 'everything', 'selector'],
  ],
];

test('every criterion decides, and another namespace gets nothing', async () => {
  await neighbour.createEndpoint('neighbour', { url: `${receiver.origin}/neighbour`, ...BOTH });
  for (const [name, spec] of Object.entries(endpoints)) {
    await tenant.createEndpoint(name, { url: `${receiver.origin}/${name}`, ...spec });
  }
  const before = receiver.requests.length;
  for (const [name, spec, labels] of events) await tenant.createEvent(name, spec, { labels });
  let sent = 0;
  for (const [name, , , to] of events) {
    const { deliveries = [], delivered } = await tenant.eventReason(name, 'AllDelivered');
    expect([name, ...deliveries.map(({ endpointName }) => endpointName)]).toEqual([name, ...to.toSorted()]);
    expect(delivered).toBe(`${to.length}/${to.length}`);
    for (const { deliveryID } of deliveries) {
      const ids = receiver.requests.filter(({ headers }) => headers['webhook-id'] === deliveryID);
      expect(ids).toHaveLength(1);
    }
    sent += to.length;
  }
  expect(receiver.requests.slice(before)).toHaveLength(sent);
  expect(receiver.requests.filter(({ path }) => path === '/neighbour')).toEqual([]);
});

test('an endpoint that was created before an event gets it, however late the watch is', async () => {
  const names = Array.from({ length: 50 }, (_, index) => `race-${index}`);
  for (const name of names) {
    const match = matching(name);
    await racer.createEndpoint(name, { url: `${receiver.origin}/${name}`, match });
    await racer.createEvent(name, aFlagUpdated(), labelled(name));
  }
  for (const name of names) {
    const { deliveries } = await racer.eventReason(name, 'AllDelivered');
    expect(deliveries).toMatchObject([{ endpointName: name, state: 'Succeeded', attempts: 1 }]);
  }
  const arrived = receiver.requests.map(({ path }) => path).filter((path) => path.startsWith('/race-'));
  expect(arrived.toSorted()).toEqual(names.map((name) => `/${name}`).toSorted());
});
