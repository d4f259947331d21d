import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { Refusal } from '../support/apiProxy.ts';
import { nothingFor } from '../support/nothingFor.ts';
import { onlyFor } from '../support/onlyFor.ts';
import { startProxiedOperator, type ProxiedOperator } from '../support/proxiedOperator.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';
import { waitUntil } from '../support/waitUntil.ts';

let operator: ProxiedOperator;

beforeAll(async () => {
  operator = await startProxiedOperator(await sharedControlPlane());
  await operator.warmUp();
}, 120_000);

afterEach(() => {
  operator.proxy.behave();
  operator.receiver.answerWith(() => 200);
});

afterAll(() => operator?.close());

/** The status writes of an event. */
function writesOf(name: string) {
  return { verb: 'update', resource: 'flagevents', subresource: 'status', name } as const;
}

/** An endpoint that gets only the events made by `send`. */
async function anEndpoint(name: string, spec: Readonly<Record<string, unknown>> = {}) {
  const { endpoint, event } = onlyFor(name);
  await operator.addEndpoint(name, { ...endpoint, ...spec });
  return { send: (eventName: string) => operator.tenant.createEvent(eventName, undefined, event) };
}

const QUICK_RETRIES = { retry: { initialDelaySeconds: 1, maxDelaySeconds: 1 } };

test('what the watch has not shown of our own writes is not sent again', async () => {
  const { tenant, proxy, receiver, requestsTo } = operator;
  const { send } = await anEndpoint('blind', QUICK_RETRIES);
  receiver.answerWith(() => (requestsTo('blind') === 1 ? 500 : 200));
  await send('blind');
  // It has seen the event, and from now on nothing of what becomes of it.
  await waitUntil('the first request', () => requestsTo('blind') === 1);
  const release = proxy.holdWatches('flagevents');
  const status = await tenant.eventReason('blind', 'AllDelivered');
  const writes = proxy.count(writesOf('blind'));
  expect(status.deliveries).toMatchObject([{ attempts: 2, state: 'Succeeded' }]);

  // Every event that waits for the endpoint would be planned anew by this.
  await tenant.patchEndpoint('blind', { spec: { timeoutSeconds: 9 } });
  release();
  const { send: sendNext } = await anEndpoint('next');
  await sendNext('next');
  await tenant.eventReason('next', 'AllDelivered');

  expect(requestsTo('blind')).toBe(2);
  expect(proxy.count(writesOf('blind'))).toBe(writes);
});

test('a write whose answer is lost is read again, and nothing is sent twice', async () => {
  const { tenant, proxy, receiver, requestsTo } = operator;
  const { send } = await anEndpoint('lost');
  const answered = Promise.withResolvers<number>();
  receiver.answerWith(() => answered.promise);
  proxy.fault(writesOf('lost'), 'lose the answer', 1);
  await send('lost');
  await waitUntil('the request', () => requestsTo('lost') === 1);
  proxy.holdWatches('flagevents');

  answered.resolve(200);
  const status = await tenant.eventReason('lost', 'AllDelivered');
  // Only a read can tell that there is nothing to be written again.
  await waitUntil('the read', () => proxy.count({ verb: 'get', resource: 'flagevents', name: 'lost' }) > 0);

  expect(status.deliveries).toMatchObject([{ attempts: 1, state: 'Succeeded' }]);
  await nothingFor(500, () => requestsTo('lost') + proxy.count(writesOf('lost')));
  expect(requestsTo('lost')).toBe(1);
  expect(proxy.count(writesOf('lost'))).toBe(1);
});

test('after lost answers of failed attempts the counts go on from what was written', async () => {
  const { tenant, proxy, receiver, requestsTo } = operator;
  const { send } = await anEndpoint('counts', QUICK_RETRIES);
  receiver.answerWith(() => (requestsTo('counts') < 3 ? 500 : 200));
  proxy.fault(writesOf('counts'), 'lose the answer', 2);
  const attempts: number[] = [];

  await send('counts');
  const status = await waitUntil('the end', async () => {
    const { status: now } = await tenant.event('counts');
    attempts.push(now?.deliveries?.[0]?.attempts ?? 0);
    return now?.completionTime !== undefined && now;
  });

  expect(status.deliveries).toMatchObject([{ attempts: 3, state: 'Succeeded' }]);
  expect(attempts).toEqual(attempts.toSorted((a, b) => a - b));
  expect(requestsTo('counts')).toBe(3);
});

test('what somebody else wrote in between stays, and so does the outcome', async () => {
  const { tenant, proxy, receiver, requestsTo } = operator;
  const { send } = await anEndpoint('between');
  const answered = Promise.withResolvers<number>();
  receiver.answerWith(() => answered.promise);
  await send('between');
  await waitUntil('the request', () => requestsTo('between') === 1);
  const release = proxy.holdWatches('flagevents');
  const { kubectl } = tenant.cluster;
  await kubectl(['annotate', 'fev', 'between', '-n', tenant.namespace, 'note=kept']);
  await kubectl(['label', 'fev', 'between', '-n', tenant.namespace, 'note=kept']);

  answered.resolve(200);
  const status = await tenant.eventReason('between', 'AllDelivered');
  release();

  expect(status.deliveries).toMatchObject([{ attempts: 1, state: 'Succeeded' }]);
  expect((await tenant.event('between')).metadata).toMatchObject({
    annotations: { note: 'kept' },
    labels: { note: 'kept', ...onlyFor('between').event.labels },
  });
  expect(requestsTo('between')).toBe(1);
});

test('conflicts without an end are answered with pauses, and end well', async () => {
  const { tenant, proxy, requestsTo } = operator;
  const { send } = await anEndpoint('conflicts');
  const end = proxy.fault(writesOf('conflicts'), { status: 409, reason: 'Conflict' });
  await send('conflicts');
  await waitUntil('some conflicts', () => proxy.count(writesOf('conflicts')) >= 8);
  const calls = proxy.calls.filter(({ name }) => name === 'conflicts');
  end();
  await tenant.eventReason('conflicts', 'AllDelivered');

  const pauses = calls.flatMap(({ verb, at }, index) => {
    const next = calls[index + 1];
    return verb === 'update' && next ? [next.at - at] : [];
  });
  // Whatever else has the event planned cuts a pause short, which is seldom.
  expect(pauses.filter((pause) => pause >= 45).length).toBeGreaterThanOrEqual(5);
  expect(requestsTo('conflicts')).toBe(1);
});

test('an event that was deleted is forgotten at its status write, without noise', async () => {
  const { tenant, proxy, receiver, requestsTo } = operator;
  const { send } = await anEndpoint('forgotten', QUICK_RETRIES);
  receiver.answerWith(() => 500);
  await send('forgotten');
  await tenant.deliveryReason('forgotten', 'BadStatus');
  const release = proxy.holdWatches('flagevents');
  await tenant.delete('flagevent', 'forgotten');
  const writes = proxy.count(writesOf('forgotten'));
  await waitUntil('a write', () => proxy.count(writesOf('forgotten')) > writes);
  const requests = requestsTo('forgotten');

  // It is planned anew, while the store still has it.
  await tenant.patchEndpoint('forgotten', { spec: { timeoutSeconds: 9 } });
  await nothingFor(1500, () => requestsTo('forgotten') + proxy.count(writesOf('forgotten')));
  release();

  expect(requestsTo('forgotten')).toBe(requests);
  expect(operator.process.log.filter(({ key }) => String(key).endsWith('/forgotten'))).toEqual([]);
  await nothingPending();
});

/** Waits until the operator counts no delivery as pending any more. */
async function nothingPending() {
  await waitUntil('nothing to be pending', async () => {
    const { body } = await operator.process.get('/metrics');
    return /^flagpost_pending_deliveries 0$/m.test(body);
  });
}

test('an event that was deleted while it was read again is let go of', async () => {
  const { tenant, proxy, receiver, requestsTo } = operator;
  const { send } = await anEndpoint('read-again', QUICK_RETRIES);
  receiver.answerWith(() => 500);
  await send('read-again');
  await tenant.deliveryReason('read-again', 'BadStatus');
  proxy.fault(writesOf('read-again'), { status: 503 }, 1);
  const letRead = proxy.fault(
    { verb: 'get', resource: 'flagevents', name: 'read-again', namespace: tenant.namespace },
    'hold the answer',
  );
  await waitUntil('the read', () => proxy.kept === 1);
  await tenant.delete('flagevent', 'read-again');
  await nothingPending();

  letRead();
  await nothingFor(1000, () => requestsTo('read-again') + proxy.count(writesOf('read-again')));
  await nothingPending();
});

test('an event that was created while the watch was broken is sent once the watch works', async () => {
  const { tenant, proxy, requestsTo } = operator;
  const { send } = await anEndpoint('unwatched');
  const watches = { verb: 'watch', resource: 'flagevents' } as const;
  const before = proxy.count(watches);
  const endFailure = proxy.fault(watches, { status: 500, reason: 'InternalError' });
  proxy.closeWatches('flagevents');
  await waitUntil('the watch to fail', () => proxy.count(watches) > before);
  await send('unwatched');
  endFailure();

  await tenant.eventReason('unwatched', 'AllDelivered');
  expect(requestsTo('unwatched')).toBe(1);
});

const TOO_LARGE: [string, Refusal][] = [
  ['413', { status: 413, reason: 'RequestEntityTooLarge' }],
  ['422', { status: 422, reason: 'Invalid' }],
  ["etcd's refusal", { status: 500, message: 'etcdserver: request is too large' }],
];

test.each(TOO_LARGE)('after %s a status is written without messages', async (title, refusal) => {
  const { tenant, proxy, requestsTo } = operator;
  const name = `silent-${TOO_LARGE.findIndex(([other]) => other === title)}`;
  const { send } = await anEndpoint(name);
  proxy.fault(writesOf(name), refusal, 1);

  await send(name);
  const status = await tenant.eventReason(name, 'AllDelivered');

  expect(status.deliveries).toMatchObject([{ state: 'Succeeded', reason: 'Delivered', attempts: 1 }]);
  expect(status.deliveries?.[0]).not.toHaveProperty('message');
  expect(requestsTo(name)).toBe(1);
});

test('where that is too large too, the event ends with the least status, and nothing is sent again', async () => {
  const { tenant, proxy, receiver, requestsTo } = operator;
  const { send } = await anEndpoint('least', QUICK_RETRIES);
  receiver.answerWith(() => 500);
  proxy.fault(writesOf('least'), { status: 413, reason: 'RequestEntityTooLarge' }, 2);

  await send('least');
  const status = await tenant.eventReason('least', 'PayloadTooLarge');
  await nothingFor(1500, () => requestsTo('least') + proxy.count(writesOf('least')));

  expect(status.deliveries ?? []).toEqual([]);
  expect(status.completionTime).toBeDefined();
  expect(requestsTo('least')).toBe(1);
});

test('the end of an event that its watch shows before the answer comes changes nothing', async () => {
  const { tenant, proxy, requestsTo } = operator;
  const { send } = await anEndpoint('early-end');
  const answer = proxy.fault(writesOf('early-end'), 'hold the answer');
  await send('early-end');
  await tenant.eventReason('early-end', 'AllDelivered');
  await waitUntil('the answer to be kept', () => proxy.kept === 1);
  await nothingPending();
  answer();
  await nothingFor(500, () => requestsTo('early-end') + proxy.count(writesOf('early-end')));

  expect(requestsTo('early-end')).toBe(1);
});

test('an event created again under the same name is another one', async () => {
  const { tenant, proxy, receiver, requestsTo } = operator;
  const { send } = await anEndpoint('twice', QUICK_RETRIES);
  receiver.answerWith(() => 500);
  const first = await send('twice');
  await tenant.deliveryReason('twice', 'BadStatus');
  const release = proxy.holdWatches('flagevents');
  await tenant.delete('flagevent', 'twice');
  const second = await send('twice');
  const writes = proxy.count(writesOf('twice'));
  await waitUntil('a write for the first', () => proxy.count(writesOf('twice')) > writes);
  const requests = requestsTo('twice');
  receiver.answerWith(() => 200);
  await nothingFor(1500, () => requestsTo('twice'));
  release();
  const status = await tenant.eventReason('twice', 'AllDelivered');

  expect(second.metadata.uid).not.toBe(first.metadata.uid);
  expect(status.deliveries).toMatchObject([{ attempts: 1, state: 'Succeeded' }]);
  expect(requestsTo('twice')).toBe(requests + 1);
  const ids = receiver.requests
    .filter(({ path }) => path === '/twice')
    .map(({ headers }) => headers['webhook-id']);
  expect(new Set(ids).size).toBe(2);
  expect(ids.at(-1)).toBe(status.deliveries?.[0]?.deliveryID);
});

test('a status that is refused whatever it holds is tried again seldom, and nothing is sent again', async () => {
  const { proxy, receiver, requestsTo } = operator;
  const { send } = await anEndpoint('refused', QUICK_RETRIES);
  receiver.answerWith(() => 500);
  proxy.fault(writesOf('refused'), { status: 422, reason: 'Invalid' });

  await send('refused');
  await waitUntil('all three sizes', () => proxy.count(writesOf('refused')) === 3);
  await nothingFor(2000, () => requestsTo('refused') + proxy.count(writesOf('refused')));

  expect(requestsTo('refused')).toBe(1);
});
