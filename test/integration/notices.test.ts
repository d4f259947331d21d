import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { labelled, matching } from '../support/addressing.ts';
import { aFlagUpdated } from '../support/eventSpec.ts';
import { nested } from '../support/nested.ts';
import { startOperatorFor, type OperatorProcess } from '../support/operatorProcess.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';
import { aTenant, type Tenant } from '../support/tenant.ts';

const ONE_ATTEMPT = { retry: { giveUpAfterSeconds: 0 } };
const SIGNED = { signingKeys: [{ secretKeyRef: { name: 'hook', key: 'secret' } }] };

let tenant: Tenant;
let operator: OperatorProcess;
let receiver: Receiver;

beforeAll(async () => {
  const cluster = await sharedControlPlane();
  tenant = await aTenant(cluster);
  receiver = await startReceiver();
  operator = await startOperatorFor(tenant);
}, 120_000);

afterAll(async () => {
  await receiver?.close();
  expect(await operator?.stop()).toBe(0);
  const text = JSON.stringify(await tenant.notices());
  expect(text).toContain('SecretForbidden');
  // Neither a Secret's value, nor what stands in a URL behind its host.
  expect(text).not.toMatch(/sesame|hooks/);
});

const endpoint = (name: string, spec: object) =>
  tenant.createEndpoint(name, { url: `${receiver.origin}/hooks`, match: matching(name), ...spec });
const send = (name: string, to = name) => tenant.createEvent(name, aFlagUpdated(), labelled(to));

test('an event that no endpoint matches is a normal thing', async () => {
  const { metadata } = await send('nobody');
  expect(await tenant.notice('nobody', 'NoMatchingEndpoint')).toMatchObject({
    type: 'Normal',
    action: 'TakeUp',
    note: 'No WebhookEndpoint of the namespace matches the event.',
    reportingController: 'flagpost.dev/flagpost',
    reportingInstance: expect.stringMatching(/^flagpost-./),
    regarding: {
      apiVersion: 'flagpost.dev/v1alpha1',
      kind: 'FlagEvent',
      name: 'nobody',
      namespace: tenant.namespace,
      uid: metadata.uid,
    },
  });
});

test.each([
  ['InvalidPayload', 'deep', { extra: nested(70) }],
  ['PayloadTooLarge', 'large', { extra: 'x'.repeat(600_000) }],
])('an event that can not be sent is a warning: %s', async (reason, name, data) => {
  await tenant.createEvent(name, aFlagUpdated(data), labelled(name));
  expect(await tenant.notice(name, reason)).toMatchObject({ type: 'Warning', action: 'TakeUp' });
});

test('deliveries that failed are shown by kubectl describe, with their endpoints', async () => {
  receiver.answerWith(() => 500);
  await endpoint('failing', { ...ONE_ATTEMPT });
  await endpoint('waiting', { ...ONE_ATTEMPT, match: matching('failing'), ...SIGNED });
  await send('fails', 'failing');
  const { type, note } = await tenant.notice('fails', 'DeliveryFailed');
  expect(type).toBe('Warning');
  await tenant.notice('waiting', 'SecretNotFound');
  expect(note).toMatch(/^1 delivery failed: failing \(BadStatus\)\. The receiver answered 500; /);

  const describe = (kind: string, name: string) =>
    tenant.cluster.kubectl(['describe', kind, name, `--namespace=${tenant.namespace}`]);
  const { stdout: event } = await describe('flagevent', 'fails');
  expect(event).toMatch(/Warning +DeliveryFailed +\S+ +flagpost\.dev\/flagpost +1 delivery failed: failing/);
  const { stdout: short } = await tenant.cluster.kubectl([
    'events',
    '--for=whe/waiting',
    `--namespace=${tenant.namespace}`,
  ]);
  expect(short).toMatch(/Warning +SecretNotFound +WebhookEndpoint\/waiting/);
  const { stdout: waiting } = await describe('webhookendpoint', 'waiting');
  expect(waiting).toMatch(/Warning +SecretNotFound +\S+ +flagpost\.dev\/flagpost +.*\bhook\b/);
});

test('a delivery that succeeds is nothing to tell', async () => {
  receiver.answerWith(() => 200);
  await endpoint('healthy', {});
  await send('delivered', 'healthy');
  await tenant.eventReason('delivered', 'AllDelivered');
  await send('marker');
  await tenant.notice('marker', 'NoMatchingEndpoint');
  const about = (await tenant.notices()).map(({ regarding }) => regarding.name);
  expect(about).not.toContain('delivered');
  expect(about).not.toContain('healthy');
});

test('a Secret that is missing, is there and is missing again is a series', async () => {
  await endpoint('signed', { signingKeys: [{ secretKeyRef: { name: 'rotated', key: 'secret' } }] });
  expect(await tenant.notice('signed', 'SecretNotFound')).toMatchObject({
    type: 'Warning',
    action: 'Resolve',
  });
  await tenant.createSecret('rotated', { secret: 'open sesame' });
  expect(await tenant.notice('signed', 'Ready')).toMatchObject({ type: 'Normal' });
  await tenant.delete('secret', 'rotated');
  await tenant.notice('signed', 'SecretNotFound', 2);
  const mine = (await tenant.notices()).filter(({ regarding }) => regarding.name === 'signed');
  expect(mine.map(({ reason }) => reason).toSorted()).toEqual(['Ready', 'SecretNotFound']);
});

test('what else keeps an endpoint from being used is a warning with its reason', async () => {
  const url = (name: string) => ({ url: undefined, urlSecretKeyRef: { name, key: 'url' } });
  await tenant.createSecret('bad-url', { url: 'sesame' });
  await tenant.createSecret(
    'other-url',
    { url: 'http://receiver.shop.svc/hooks/sesame?token=sesame' },
    { metadata: { annotations: { 'flagpost.dev/allowed-hosts': 'other.shop.svc' } } },
  );
  await endpoint('no-key', { signingKeys: [{ secretKeyRef: { name: 'bad-url', key: 'secret' } }] });
  await endpoint('bad-secret', url('bad-url'));
  await endpoint('other-host', url('other-url'));
  await endpoint('bad-address', { url: 'http://169.254.0.1/hooks?token=sesame' });
  await endpoint('no-ca', { tls: { caFrom: { configMapKeyRef: { name: 'ca', key: 'ca.crt' } } } });
  for (const [name, reason] of [
    ['no-key', 'SecretKeyNotFound'],
    ['bad-secret', 'InvalidSecret'],
    ['other-host', 'SecretForbidden'],
    ['bad-address', 'URLForbidden'],
    ['no-ca', 'ConfigMapNotFound'],
  ] as const) {
    expect(await tenant.notice(name, reason)).toMatchObject({
      type: 'Warning',
      regarding: { kind: 'WebhookEndpoint' },
    });
  }
});

test('a circuit that opens and closes is told', async () => {
  receiver.answerWith(() => 500);
  await endpoint('flapping', { retry: { initialDelaySeconds: 600 } });
  for (let index = 0; index < 5; index += 1) await send(`flaps-${index}`, 'flapping');
  expect(await tenant.notice('flapping', 'CircuitOpen')).toMatchObject({
    type: 'Warning',
    action: 'Deliver',
  });
  receiver.answerWith(() => 200);
  await tenant.patchEndpoint('flapping', { spec: { timeoutSeconds: 9 } });
  expect(await tenant.notice('flapping', 'CircuitClosed')).toMatchObject({
    type: 'Normal',
    action: 'Deliver',
  });
});

test('an endpoint whose receiver is gone is told, and that it is used again', async () => {
  receiver.answerWith(() => 410);
  await endpoint('gone', {});
  await send('goes', 'gone');
  expect(await tenant.notice('gone', 'Gone')).toMatchObject({ type: 'Warning' });
  expect((await tenant.notice('goes', 'DeliveryFailed')).note).toMatch(
    /^1 delivery failed: gone \(Gone\)\. /,
  );
  await tenant.patchEndpoint('gone', { spec: { timeoutSeconds: 9 } });
  expect(await tenant.notice('gone', 'Ready')).toMatchObject({ type: 'Normal' });
});
