import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { codeBlocks, readDocument } from '../support/document.ts';
import { aFlagUpdated } from '../support/eventSpec.ts';
import { startOperatorFor, type OperatorProcess } from '../support/operatorProcess.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';
import { shellLine } from '../support/shellLine.ts';
import { aTenant, type Tenant } from '../support/tenant.ts';
import { waitUntil } from '../support/waitUntil.ts';

const lines = codeBlocks(readDocument('README.md'), 'console').flatMap((block) => block.split('\n'));

let tenant: Tenant;
let operator: OperatorProcess;
let receiver: Receiver;

beforeAll(async () => {
  tenant = await aTenant(await sharedControlPlane());
  receiver = await startReceiver({ answer: () => 503 });
  operator = await startOperatorFor(tenant);
  await tenant.createEndpoint('flag-cache', { url: receiver.origin, retry: { giveUpAfterSeconds: 0 } });
  await tenant.endpointReason('flag-cache', 'Ready');
}, 120_000);

afterAll(async () => {
  await operator?.stop();
  await receiver?.close();
});

/** Runs the line of the README that has these words, as it stands there. */
function runLine(words: string): Promise<string> {
  const [line, ...others] = lines.filter((one) => one.includes(words));
  expect(others).toEqual([]);
  return shellLine(tenant, line ?? `the README has no line with ${words}`);
}

test('the annotation tests the endpoint', async () => {
  expect(await runLine('flagpost.dev/test=')).toBe('webhookendpoint.flagpost.dev/flag-cache annotated\n');
  const { lastTest } = await tenant.endpointStatus('flag-cache', (status) => status.lastTest !== undefined);
  expect(lastTest).toMatchObject({ results: [{ eventType: 'FLAG_UPDATED', statusCode: 503 }] });
  expect(JSON.parse(await runLine('.status.lastTest'))).toEqual(lastTest);
  expect(receiver.requests[0]?.headers).toMatchObject({ 'flagpost-test': 'true' });
});

test('the label sends what has failed again', async () => {
  await tenant.createEvent('butter-bar-on');
  await tenant.eventReason('butter-bar-on', 'DeliveryFailed');
  receiver.answerWith(() => 200);

  expect(await runLine('flagpost.dev/redeliver=')).toBe('flagevent.flagpost.dev/butter-bar-on labeled\n');
  await tenant.eventReason('butter-bar-on', 'AllDelivered');
});

test('the annotation sends again what has failed at the endpoint since midnight', async () => {
  receiver.answerWith(() => 503);
  await tenant.createEvent('butter-bar-off');
  await tenant.eventReason('butter-bar-off', 'DeliveryFailed');
  receiver.answerWith(() => 200);

  const annotated = await runLine('flagpost.dev/redeliver-since=');
  expect(annotated).toBe('webhookendpoint.flagpost.dev/flag-cache annotated\n');
  await tenant.eventReason('butter-bar-off', 'AllDelivered');
  await tenant.endpointStatus('flag-cache', ({ redelivery }) => redelivery?.completionTime !== undefined);
  expect(JSON.parse(await runLine('.status.redelivery'))).toMatchObject({ events: 1 });
});

test('the time to live is set while the event waits, and what has finished is listed', async () => {
  for (const name of await tenant.eventNames()) await tenant.delete('flagevent', name);
  await tenant.patchEndpoint('flag-cache', { spec: { suspend: true } });
  await tenant.endpointReason('flag-cache', 'Suspended');
  await tenant.createEvent('butter-bar-on');
  expect(await runLine('ttlSecondsAfterFinished')).toBe('flagevent.flagpost.dev/butter-bar-on patched\n');
  expect((await tenant.event('butter-bar-on')).spec.ttlSecondsAfterFinished).toBe(3600);
  expect(await runLine('completionTime!=')).toBe('');

  await tenant.patchEndpoint('flag-cache', { spec: { suspend: false } });
  await tenant.eventReason('butter-bar-on', 'AllDelivered');
  expect(await runLine('completionTime!=')).toMatch(/^butter-bar-on +FLAG_UPDATED +True/m);
});

test('the order is asked for, and what waits for an earlier change says so', async () => {
  expect(await runLine('"ordering"')).toBe('webhookendpoint.flagpost.dev/flag-cache patched\n');
  const answer = Promise.withResolvers<number>();
  receiver.answerWith(() => answer.promise);
  await tenant.createEvent('butter-bar-off', aFlagUpdated({ timestamp: '2026-11-24T12:00:00Z' }));
  await waitUntil('the first request', () => receiver.open === 1);
  await tenant.createEvent('butter-bar-on-again', aFlagUpdated({ timestamp: '2026-11-24T12:01:00Z' }));
  await tenant.deliveryReason('butter-bar-on-again', 'WaitingForEarlier');
  answer.resolve(200);
  await tenant.eventReason('butter-bar-on-again', 'AllDelivered');
});
