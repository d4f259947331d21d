import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { signatureHeaders } from '../../src/delivery/sign.ts';
import { SecretBytes } from '../../src/delivery/secretBytes.ts';
import { TEST_ANNOTATION } from '../../src/delivery/endpointTest.ts';
import { labelled } from '../support/addressing.ts';
import { aFlagUpdated } from '../support/eventSpec.ts';
import { startOperatedTenant, type OperatedTenant } from '../support/operatedTenant.ts';

let tenant: OperatedTenant;

beforeAll(async () => {
  tenant = await startOperatedTenant();
}, 120_000);

afterAll(() => tenant?.end());

const ask = (name: string, token: string) =>
  tenant.patchEndpoint(name, { metadata: { annotations: { [TEST_ANNOTATION]: token } } });

const tested = async (name: string, token: string) => {
  const { lastTest } = await tenant.endpointStatus(name, (status) => status.lastTest?.token === token);
  return lastTest;
};

test('a test sends a signed sample of each event type, also to an endpoint that is suspended', async () => {
  await tenant.createSecret('hook', { secret: 'my shared secret' });
  const receiver = await tenant.addReceiver('both', () => 204, {
    eventTypes: ['FLAG_UPDATED', 'AUDIT_LOG'],
    signingKeys: [{ secretKeyRef: { name: 'hook', key: 'secret' } }],
    suspend: true,
  });
  await ask('both', '1');
  expect(await tested('both', '1')).toMatchObject({
    results: [
      { eventType: 'FLAG_UPDATED', statusCode: 204, reason: 'Delivered' },
      { eventType: 'AUDIT_LOG', statusCode: 204, reason: 'Delivered' },
    ],
  });
  await tenant.endpointReason('both', 'Healthy', 'Delivering');
  await tenant.endpointReason('both', 'Suspended');
  expect(receiver.requests).toHaveLength(2);
  for (const { headers, body } of receiver.requests) {
    const signed = signatureHeaders({
      deliveryId: String(headers['webhook-id']),
      timestampSeconds: Number(headers['webhook-timestamp']),
      body,
      keys: [new SecretBytes(Buffer.from('my shared secret'))],
    });
    expect(headers).toMatchObject(
      Object.fromEntries([
        ['flagpost-test', 'true'],
        ...signed.map(([key, value]) => [key.toLowerCase(), value]),
      ]),
    );
  }
});

test('a test tells of a failure, counts for nothing else, and is not sent again after a restart', async () => {
  const receiver = await tenant.addReceiver('failing', () => 410);
  await ask('failing', '1');
  expect(await tested('failing', '1')).toMatchObject({ results: [{ statusCode: 410, reason: 'Gone' }] });
  const { consecutiveFailures, lastFailureTime } = await tenant.endpointStatus('failing', () => true);
  expect([consecutiveFailures, lastFailureTime]).toEqual([0, undefined]);
  await tenant.endpointReason('failing', 'Ready');

  await tenant.kill();
  await tenant.restart();
  // What it had to do about this endpoint comes first.
  receiver.answerWith(() => 200);
  await ask('failing', '2');
  await tested('failing', '2');
  expect(receiver.requests).toHaveLength(2);
});

test('a test that succeeds ends Gone', async () => {
  const receiver = await tenant.addReceiver('left', () => 410);
  await tenant.createEvent('left', aFlagUpdated(), labelled('left'));
  await tenant.endpointReason('left', 'Gone');
  receiver.answerWith(() => 200);
  await ask('left', '1');
  await tenant.endpointReason('left', 'Ready');
  await tenant.createEvent('welcome-again', aFlagUpdated(), labelled('left'));
  await tenant.eventReason('welcome-again', 'AllDelivered');
  expect(receiver.requests).toHaveLength(3);
});

test('where the endpoint can not be used, a test says for what a delivery would wait', async () => {
  await tenant.createEndpoint('lacking', {
    url: 'http://127.0.0.1:1',
    signingKeys: [{ secretKeyRef: { name: 'missing', key: 'secret' } }],
  });
  await ask('lacking', '1');
  expect(await tested('lacking', '1')).toMatchObject({ results: [{ reason: 'SecretNotReady' }] });
});

test('a token that is too long is told of', async () => {
  await ask('lacking', 'x'.repeat(64));
  expect(await tenant.notice('lacking', 'InvalidAnnotation')).toMatchObject({
    type: 'Warning',
    action: 'Test',
  });
});
