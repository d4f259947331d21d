import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { objectMeta } from '../../src/api/objectMeta.ts';
import { ResourceClient } from '../../src/kube/resourceClient.ts';
import type { Transport } from '../../src/kube/transport.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { Reflector } from '../../src/runtime/reflector.ts';
import { Store } from '../../src/runtime/store.ts';
import { aConfigMap } from '../support/configMap.ts';
import { FakeApiServer, type FakeCall } from '../support/fakeApiServer.ts';
import { FakeClock } from '../support/fakeClock.ts';
import { aTransport } from '../support/transport.ts';
import { waitUntil } from '../support/waitUntil.ts';

const configMap = z.object({ metadata: objectMeta, data: z.record(z.string(), z.string()).optional() });
type ConfigMap = z.infer<typeof configMap>;

let server: FakeApiServer;
let transport: Transport;
let clock: FakeClock;
let store: Store<ConfigMap>;
let reflector: Reflector<ConfigMap>;
let stop: AbortController;
let running: Promise<void>;
let errors: string[];
let delays: number[];
let recoveries: number;
let unparsable: string[];

beforeEach(async () => {
  server = new FakeApiServer();
  // Deadlines of the transport are in real time; backoff, silence and the length of a watch are not.
  transport = aTransport(await server.start(), { clock: systemClock });
  clock = new FakeClock();
  store = new Store();
  stop = new AbortController();
  errors = [];
  delays = [];
  recoveries = 0;
  unparsable = [];
  const client = new ResourceClient({
    transport,
    resource: { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap' },
    parse: (value) => configMap.parse(value),
    onUnparsable: (where) => unparsable.push(where),
  });
  reflector = new Reflector({
    listWatch: client.listWatch({ namespace: 'shop', labelSelector: 'team=a b' }),
    store,
    clock,
    random: () => 0.5,
    onError: (error, delay) => {
      errors.push(error instanceof Error ? error.message : String(error));
      delays.push(delay);
    },
    onRecovered: () => (recoveries += 1),
  });
  running = reflector.start(stop.signal);
});

afterEach(async () => {
  stop.abort();
  await running;
  await transport.close();
  await server.stop();
});

const versions = (): string[] =>
  store.all().map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`);
const untilShown = (...wanted: string[]): Promise<unknown> =>
  waitUntil(
    `${wanted.join(', ')} instead of ${versions().join(', ')}`,
    () => versions().join() === wanted.join(),
  );
const untilFailed = (count: number): Promise<unknown> => waitUntil('a failure', () => errors.length >= count);
/** The next request, with the clock going on as long as none comes. */
const nextAfterBackoff = async (): Promise<FakeCall> => {
  await waitUntil('a request', async () => {
    await clock.advance(1000);
    return server.waiting > 0;
  });
  return server.next();
};

/** Answers a WatchList with one object, a@1, at version 10. */
const sync = async (): Promise<FakeCall> => {
  const call = await server.next();
  call.event('ADDED', aConfigMap('a', '1'));
  call.bookmark('10', true);
  await reflector.synced;
  return call;
};

/** Refuses the WatchList, as API servers do that don't know it. */
const refuseWatchList = async (): Promise<void> => (await server.next()).refuse(422, 'Invalid');

const page = (version: string, items: unknown[], continueToken?: string): unknown => ({
  kind: 'ConfigMapList',
  metadata: { resourceVersion: version, continue: continueToken },
  items,
});

describe('a refresh', () => {
  test('is done once what was listed after it is there', async () => {
    const first = await sync();
    let done = false;
    const refreshed = reflector.refresh().then(() => (done = true));
    const second = await server.next();
    expect(second.query).toMatchObject({ sendInitialEvents: 'true' });
    expect(second.query).not.toHaveProperty('resourceVersion');
    await waitUntil('the end of the former watch', () => first.closed);
    second.event('ADDED', aConfigMap('b', '2'));
    second.bookmark('11');
    await clock.advance(0);
    expect([done, versions()]).toEqual([false, ['a@1']]);
    second.bookmark('12', true);
    await refreshed;
    expect(versions()).toEqual(['b@2']);
  });

  test('is not done by a list that had begun before', async () => {
    const first = await server.next();
    const refreshed = reflector.refresh();
    first.event('ADDED', aConfigMap('a', '1'));
    first.bookmark('10', true);
    const second = await server.next();
    expect(versions()).toEqual([]);
    second.bookmark('11', true);
    await refreshed;
    expect(versions()).toEqual([]);
  });

  test('goes on where a list failed', async () => {
    await sync();
    const refreshed = reflector.refresh();
    (await server.next()).refuse(503, 'ServiceUnavailable');
    await untilFailed(1);
    (await nextAfterBackoff()).bookmark('11', true);
    await refreshed;
    expect(versions()).toEqual([]);
  });
});

describe('at the start', () => {
  test('streams what there is and goes on watching on the same connection', async () => {
    const call = await server.next();
    expect(call.path).toBe('/api/v1/namespaces/shop/configmaps');
    expect(call.query).toEqual({
      watch: 'true',
      sendInitialEvents: 'true',
      resourceVersionMatch: 'NotOlderThan',
      allowWatchBookmarks: 'true',
      labelSelector: 'team=a b',
      timeoutSeconds: '450',
    });
    call.event('ADDED', aConfigMap('a', '1'));
    call.event('ADDED', aConfigMap('b', '2'));
    call.event('ADDED', aConfigMap('c', '3'));
    call.event('MODIFIED', aConfigMap('a', '4'));
    call.event('DELETED', aConfigMap('c', '5'));
    call.bookmark('5');
    await waitUntil('contact', () => reflector.lastContact() !== undefined);
    expect(versions()).toEqual([]);
    expect(reflector.hasSynced()).toBe(false);
    call.bookmark('10', true);
    await reflector.synced;
    expect(versions()).toEqual(['a@4', 'b@2']);
    call.event('DELETED', aConfigMap('b', '11'));
    call.event('ADDED', aConfigMap('d', '12'));
    await untilShown('a@4', 'd@12');
    expect(server.count).toBe(1);
  });

  test('has synced where there is nothing', async () => {
    (await server.next()).bookmark('10', true);
    await reflector.synced;
    expect(store.size).toBe(0);
  });

  test('lists in pages and watches where the API server refuses to stream', async () => {
    await refuseWatchList();
    const first = await server.next();
    expect(first.query).toEqual({ limit: '20', labelSelector: 'team=a b' });
    first.json(page('20', [aConfigMap('a', '1')], 'more'));
    const second = await server.next();
    expect(second.query).toEqual({ limit: '500', continue: 'more', labelSelector: 'team=a b' });
    expect(store.size).toBe(0);
    second.json(page('20', [aConfigMap('b', '2')]));
    const watch = await server.next();
    expect(watch.query).toEqual({
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: '20',
      labelSelector: 'team=a b',
      timeoutSeconds: '450',
    });
    watch.event('MODIFIED', aConfigMap('a', '21'));
    await untilShown('a@21', 'b@2');
    expect(errors).toEqual([]);
  });

  test('keeps pages of large objects small', async () => {
    await refuseWatchList();
    const data = { large: 'x'.repeat(300_000) };
    (await server.next()).json(
      page(
        '20',
        Array.from({ length: 20 }, (_, i) => aConfigMap(`m${i}`, '1', data)),
        'more',
      ),
    );
    expect((await server.next()).query['limit']).toBe('13');
  });

  test('lists where the API server never says that it has streamed all', async () => {
    const call = await server.next();
    call.event('ADDED', aConfigMap('a', '1'));
    await waitUntil('contact', () => reflector.lastContact() !== undefined);
    await clock.advance(30_000);
    const list = await nextAfterBackoff();
    expect(list.query['limit']).toBe('20');
    expect(versions()).toEqual([]);
  });

  test('starts over where the stream ends before it has shown all', async () => {
    const call = await server.next();
    call.event('ADDED', aConfigMap('a', '1'));
    call.end();
    const again = await nextAfterBackoff();
    expect(again.query['sendInitialEvents']).toBe('true');
    again.event('ADDED', aConfigMap('b', '2'));
    again.bookmark('10', true);
    await untilShown('b@2');
  });

  test('starts the list over where a page is too old', async () => {
    await refuseWatchList();
    (await server.next()).json(page('20', [aConfigMap('a', '1')], 'more'));
    (await server.next()).refuse(410, 'Expired');
    const again = await nextAfterBackoff();
    expect(again.query['continue']).toBeUndefined();
    again.json(page('30', [aConfigMap('b', '25')]));
    await untilShown('b@25');
  });
});

describe('when a watch ends', () => {
  test.each<[string, (call: FakeCall) => void]>([
    ['by its time', (call) => call.end()],
    ['by a reset', (call) => call.reset()],
    [
      'in the middle of a line',
      (call) => {
        call.write('{"type":"MODIFIED","object":{"metadata":{"na');
        call.end();
      },
    ],
    ['with a line that is no JSON', (call) => call.write('<html>bad gateway</html>\n')],
    ['with a line of another shape', (call) => call.write('{"type":"PONY"}\n')],
    ['with an event without an object', (call) => call.write('{"type":"DELETED","object":null}\n')],
    ['with an ERROR of 500', (call) => call.event('ERROR', { code: 500, reason: 'InternalError' })],
  ])('%s, it goes on from the last version', async (_how, endWatch) => {
    const call = await sync();
    call.event('MODIFIED', aConfigMap('a', '11'));
    call.bookmark('15');
    await waitUntil('the event', () => versions()[0] === 'a@11');
    endWatch(call);
    const next = await nextAfterBackoff();
    expect(next.query['resourceVersion']).toBe('15');
    expect(next.query['sendInitialEvents']).toBeUndefined();
    next.event('MODIFIED', aConfigMap('a', '16'));
    await untilShown('a@16');
  });

  test('after the regular time, it goes on at once', async () => {
    const call = await sync();
    await clock.advance(40_000);
    call.end();
    expect((await server.next()).query['resourceVersion']).toBe('10');
    expect(errors).toEqual([]);
  });

  test('with an ERROR of 410, it shows everything anew', async () => {
    const call = await sync();
    call.event('ERROR', { code: 410, reason: 'Expired', message: 'too old' });
    const next = await nextAfterBackoff();
    expect(next.query['sendInitialEvents']).toBe('true');
    expect(next.query['resourceVersion']).toBeUndefined();
    expect(versions()).toEqual(['a@1']);
    next.event('ADDED', aConfigMap('b', '20'));
    next.bookmark('20', true);
    await untilShown('b@20');
  });

  test('and going on is refused with 410, it shows everything anew', async () => {
    (await sync()).end();
    (await nextAfterBackoff()).refuse(410, 'Expired');
    const next = await server.next();
    expect(next.query['sendInitialEvents']).toBe('true');
    next.bookmark('20', true);
    await untilShown();
  });

  test.each([
    ['is refused as invalid', 400, 'BadRequest', 1],
    ['is from after a restored backup', 504, 'Timeout', 3],
  ])('and the version %s, it shows everything anew', async (_how, status, reason, tries) => {
    (await sync()).end();
    for (let i = 0; i < tries; i += 1) {
      const call = await nextAfterBackoff();
      expect(call.query['resourceVersion']).toBe('10');
      call.refuse(status, reason);
    }
    expect((await nextAfterBackoff()).query['sendInitialEvents']).toBe('true');
  });

  test('because nothing came for 150 s, it goes on from the last version', async () => {
    const call = await sync();
    call.bookmark('12');
    await clock.advance(60_000);
    call.bookmark('13');
    await waitUntil('the bookmark', () => reflector.lastContact() === 60_000);
    await clock.advance(149_000);
    expect(server.waiting).toBe(0);
    expect(call.closed).toBe(false);
    await clock.advance(1000);
    expect((await server.next()).query['resourceVersion']).toBe('13');
    await waitUntil('the old watch to be closed', () => call.closed);
    expect(errors).toEqual([]);
  });

  test('a bookmark each minute keeps it alive', async () => {
    const call = await sync();
    for (let minute = 1; minute < 5; minute += 1) {
      await clock.advance(60_000);
      call.bookmark(String(10 + minute));
      await waitUntil('the bookmark', () => reflector.lastContact() === minute * 60_000);
    }
    expect(server.count).toBe(1);
  });
});

describe('while the API server fails', () => {
  test('backs off further each time, with what was known still there', async () => {
    (await sync()).reset();
    for (let i = 0; i < 8; i += 1) {
      await untilFailed(i + 1);
      (await nextAfterBackoff()).refuse(500 + i, 'InternalError');
    }
    await untilFailed(9);
    expect(delays.slice(0, 8)).toEqual([600, 1200, 2400, 4800, 9600, 19_200, 22_500, 22_500]);
    expect(versions()).toEqual(['a@1']);
  });

  test('waits at least as long as Retry-After says', async () => {
    (await server.next()).refuse(429, 'TooManyRequests', { 'Retry-After': '7' });
    await untilFailed(1);
    await clock.advance(6999);
    expect(server.waiting).toBe(0);
    await nextAfterBackoff();
    expect(delays[0]).toBeGreaterThanOrEqual(7000);
  });

  test('does not wait for hours because Retry-After says so', async () => {
    (await server.next()).refuse(503, 'ServiceUnavailable', { 'Retry-After': '86400' });
    await untilFailed(1);
    expect(delays[0]).toBeLessThanOrEqual(75_000);
  });

  test('reports a row of equal failures once, and the next after it has recovered', async () => {
    (await server.next()).refuse(403, 'Forbidden');
    await untilFailed(1);
    (await nextAfterBackoff()).refuse(403, 'Forbidden');
    (await nextAfterBackoff()).refuse(403, 'Forbidden');
    const call = await nextAfterBackoff();
    expect([errors, recoveries]).toEqual([['said Forbidden'], 0]);
    call.bookmark('10', true);
    await reflector.synced;
    expect(recoveries).toBe(1);
    call.reset();
    (await nextAfterBackoff()).refuse(403, 'Forbidden');
    await waitUntil('the report', () => errors.at(-1) === 'said Forbidden' && errors.length > 1);
  });

  test('forbidden things are asked for again within a minute', async () => {
    for (let i = 0; i < 12; i += 1) (await nextAfterBackoff()).refuse(403, 'Forbidden');
    await waitUntil('the refusal', async () => {
      await clock.advance(1);
      return clock.timers > 0;
    });
    const before = server.count;
    await clock.advance(60_000);
    await waitUntil('another try', () => server.count > before);
  });

  test('forgets the row of failures after a watch that lasted', async () => {
    (await server.next()).refuse(500, 'InternalError');
    await untilFailed(1);
    const call = await nextAfterBackoff();
    call.bookmark('10', true);
    await reflector.synced;
    await clock.advance(60_000);
    call.reset();
    await untilFailed(2);
    expect(delays).toEqual([600, 600]);
  });

  test('does not go round without a pause where each watch ends at once', async () => {
    let call = await sync();
    for (const pause of [600, 1200, 2400]) {
      call.end();
      await waitUntil('the pause', () => clock.untilNext === pause);
      expect(server.waiting).toBe(0);
      await clock.advance(pause);
      call = await server.next();
      call.open();
    }
    expect(errors).toEqual(['the watch ended at once']);
    expect(recoveries).toBe(0);
  });

  test('does not go round without a pause where each list is too old at once', async () => {
    (await server.next()).event('ERROR', { code: 410, reason: 'Expired' });
    await untilFailed(1);
    expect(server.waiting).toBe(0);
  });

  test('keeps on trying where nobody listens, and recovers', async () => {
    (await sync()).reset();
    await untilFailed(1);
    await server.stop();
    await waitUntil('the refused connection', async () => {
      await clock.advance(1000);
      return errors.some((error) => error.includes('ECONNREFUSED'));
    });
    expect(versions()).toEqual(['a@1']);
  });
});

describe('what is watched', () => {
  test('may hold letters that are spread over chunks', async () => {
    const call = await sync();
    const line = Buffer.from(
      `${JSON.stringify({ type: 'MODIFIED', object: aConfigMap('a', '11', { text: 'Grüße 🚀' }) })}\n`,
    );
    for (const byte of line) {
      call.write(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await untilShown('a@11');
    expect(store.get('shop', 'a')?.data).toEqual({ text: 'Grüße 🚀' });
  });

  test('may hold what nobody understands, which is left out and not read again', async () => {
    const call = await sync();
    call.event('ADDED', aConfigMap('b', '11', { number: 1 as unknown as string }));
    await waitUntil('the report', () => unparsable.length > 0);
    call.reset();
    const next = await nextAfterBackoff();
    expect(next.query['resourceVersion']).toBe('11');
    expect(unparsable).toEqual(['shop/b']);
    next.event('MODIFIED', aConfigMap('a', '12'));
    await untilShown('a@12');
  });

  test('is deleted even where nobody understands it any more', async () => {
    const call = await sync();
    call.event('DELETED', aConfigMap('a', '11', { number: 1 as unknown as string }));
    await untilShown();
    expect(unparsable).toEqual([]);
  });

  test('is listed anew, from a moment after the answer, where a list has passed over a write', async () => {
    const call = await sync();
    const write = store.beginWrite('uid-a');
    call.event('ERROR', { code: 410, reason: 'Expired' });
    const list = await nextAfterBackoff();
    list.event('ADDED', aConfigMap('a', '21'));
    list.bookmark('21', true);
    await untilShown('a@21');
    write.acknowledge(configMap.parse(aConfigMap('a', '20')));
    const again = await server.next();
    expect(again.query['sendInitialEvents']).toBe('true');
    expect(versions()).toEqual(['a@20']);
    again.event('ADDED', aConfigMap('a', '21'));
    again.bookmark('22', true);
    await untilShown('a@21');
    expect(errors).toEqual([]);
  });
});

test('ends at once when it is to stop, and closes its connection', async () => {
  const call = await sync();
  stop.abort();
  await running;
  await waitUntil('the connection to be closed', () => call.closed);
  expect(clock.timers).toBe(0);
});

test('ends at once while it waits to try again', async () => {
  (await server.next()).refuse(500, 'InternalError');
  await untilFailed(1);
  stop.abort();
  await running;
  expect(clock.timers).toBe(0);
});
