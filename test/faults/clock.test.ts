import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { aFlagUpdated } from '../support/eventSpec.ts';
import { onlyFor } from '../support/onlyFor.ts';
import { startOperatorFor, type OperatorProcess } from '../support/operatorProcess.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';
import { aTenant, type Tenant } from '../support/tenant.ts';
import { waitUntil } from '../support/waitUntil.ts';

const HOUR = 3_600_000;
const WRONG = [HOUR, -HOUR, 24 * HOUR, -24 * HOUR] as const;

/** A wall clock that each SIGUSR2 sets to the next of these, as far from the right one. */
const clockThatJumps = (offsets: readonly number[]) => `
  const offsets = ${JSON.stringify(offsets)};
  const now = Date.now;
  let offset = offsets.shift();
  Date.now = () => now() + offset;
  process.on('SIGUSR2', () => void (offset = offsets.shift()));
`;

let tenant: Tenant;
let receiver: Receiver;
let operator: OperatorProcess;

async function start(offsets: readonly number[]): Promise<OperatorProcess> {
  const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(clockThatJumps(offsets))}`;
  return startOperatorFor(tenant, { env: { NODE_OPTIONS } });
}

beforeAll(async () => {
  tenant = await aTenant(await sharedControlPlane());
  receiver = await startReceiver();
  operator = await start([0, ...WRONG]);
}, 120_000);

afterAll(async () => {
  operator?.kill('SIGKILL');
  await operator?.exited;
  await receiver?.close();
});

const requestsTo = (name: string) => receiver.requests.filter(({ path }) => path === `/${name}`);
const secondsFromNow = (time: string | undefined) => Math.abs(Date.parse(time ?? '') - Date.now()) / 1000;

test('a clock that is set an hour or a day on or back ends nothing, sweeps nothing and holds nothing up', async () => {
  const { createEndpoint, createEvent, eventReason, endpointReason } = tenant;
  receiver.answerWith(({ path }) => (path === '/failing' ? 400 : 200));
  // An hour and more of wrong time would be the end of the window, of the time to live and of every pause.
  const retry = { initialDelaySeconds: 1, maxDelaySeconds: 1, giveUpAfterSeconds: 1800 };
  for (const name of ['well', 'failing']) {
    await createEndpoint(name, { url: `${receiver.origin}/${name}`, retry, ...onlyFor(name).endpoint });
    await endpointReason(name, 'Ready');
  }
  await createEvent('kept', { ...aFlagUpdated(), ttlSecondsAfterFinished: 1800 }, onlyFor('well').event);
  await eventReason('kept', 'AllDelivered');
  await createEvent('failing', undefined, onlyFor('failing').event);
  await tenant.deliveryReason('failing', 'BadStatus');

  for (const offset of WRONG) {
    operator.kill('SIGUSR2');
    // Answered after the signal has come.
    await operator.get('/healthz');
    const before = requestsTo('failing').length;
    await waitUntil('further attempts', () => requestsTo('failing').length >= before + 1, {
      timeoutMs: 15_000,
    });
    const name = `fresh-${offset}`;
    await createEvent(name, undefined, onlyFor('well').event);
    const { deliveries } = await eventReason(name, 'AllDelivered', 10_000);
    expect(secondsFromNow(deliveries?.[0]?.lastAttemptTime)).toBeLessThan(10);
    const timestamp = Number(requestsTo('well').at(-1)?.headers['webhook-timestamp']);
    expect(Math.abs(timestamp - Date.now() / 1000)).toBeLessThan(10);
    const status = (await tenant.event('failing')).status?.deliveries?.[0];
    expect(status).toMatchObject({ state: 'Pending' });
    expect(secondsFromNow(status?.lastAttemptTime)).toBeLessThan(10);
  }
  expect(await tenant.eventNames()).toContain('kept');
}, 120_000);

test.each([24 * HOUR, -24 * HOUR])(
  'an operator that starts with a clock that is wrong by %d ms goes on where the last one was',
  async (offset) => {
    operator.kill('SIGKILL');
    await operator.exited;
    const before = requestsTo('failing').length;
    operator = await start([offset]);
    await waitUntil('the next attempt', () => requestsTo('failing').length > before, { timeoutMs: 60_000 });
    const name = `started-${offset}`;
    await tenant.createEvent(name, undefined, onlyFor('well').event);
    await tenant.eventReason(name, 'AllDelivered');
    expect(await tenant.eventNames()).toContain('kept');
    expect((await tenant.event('failing')).status?.deliveries).toMatchObject([{ state: 'Pending' }]);
  },
  120_000,
);
