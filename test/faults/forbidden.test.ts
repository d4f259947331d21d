import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { REDELIVER_LABEL } from '../../src/delivery/redeliver.ts';
import type { CallMatch } from '../support/apiCall.ts';
import { aFlagUpdated } from '../support/eventSpec.ts';
import { restFor } from '../support/nothingFor.ts';
import { onlyFor } from '../support/onlyFor.ts';
import { startProxiedOperator, type ProxiedOperator } from '../support/proxiedOperator.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';
import { waitUntil } from '../support/waitUntil.ts';

let operator: ProxiedOperator;

beforeAll(async () => {
  operator = await startProxiedOperator(await sharedControlPlane());
  await operator.warmUp();
}, 120_000);

afterEach(() => operator.proxy.behave());

afterAll(() => operator?.close());

const FORBIDDEN = { status: 403, reason: 'Forbidden', message: 'RBAC says no' };
const OBSERVED_MILLISECONDS = 2000;

const complaints = () => operator.process.log.filter(({ message }) => message === FORBIDDEN.message);
const send = async (name: string, spec?: unknown) =>
  operator.tenant.createEvent(name, spec, onlyFor(name).event);

interface Refusal {
  readonly verb: string;
  readonly match: CallMatch;
  /** Has the operator ask for it, and more than once where there is more than one object. */
  readonly provoke: (name: string) => Promise<unknown>;
  /** What tells that it goes on once it may. */
  readonly goesOn: (name: string) => Promise<unknown>;
}

const delivered = (name: string) => operator.tenant.eventReason(name, 'AllDelivered', 45_000);
const several = (name: string) => [name, `${name}-2`, `${name}-3`];

/** Sends an event that is taken up, and others beside it. */
const sendSeveral = async (name: string) => {
  const { tenant, addEndpoint } = operator;
  await addEndpoint(name, onlyFor(name).endpoint);
  for (const event of several(name)) await tenant.createEvent(event, undefined, onlyFor(name).event);
};
const severalDelivered = (name: string) => Promise.all(several(name).map(delivered));

/** An endpoint that the watch has not shown, and so must be read. */
const sendToUnseen = async (name: string) => {
  const { tenant, proxy, receiver } = operator;
  proxy.hide('webhookendpoints', name);
  await tenant.createEndpoint(name, { url: `${receiver.origin}/${name}`, ...onlyFor(name).endpoint });
  await send(name);
};

const REFUSALS: Refusal[] = [
  {
    verb: 'watch webhookendpoints',
    match: { verb: 'watch', resource: 'webhookendpoints' },
    provoke: async () => operator.proxy.closeWatches('webhookendpoints'),
    goesOn: async (name) => {
      // A watch that goes on has nothing to show at first.
      await operator.addEndpoint(name, onlyFor(name).endpoint);
      await worksAgain('webhookendpoints');
    },
  },
  {
    verb: 'watch flagevents',
    match: { verb: 'watch', resource: 'flagevents' },
    provoke: async () => operator.proxy.closeWatches('flagevents'),
    goesOn: async (name) => {
      await sendSeveral(name);
      await severalDelivered(name);
      await worksAgain('flagevents');
    },
  },
  {
    verb: 'get webhookendpoints',
    match: { verb: 'get', resource: 'webhookendpoints' },
    provoke: sendToUnseen,
    goesOn: delivered,
  },
  {
    verb: 'update webhookendpoints/status',
    match: { verb: 'update', resource: 'webhookendpoints', subresource: 'status' },
    provoke: async (name) => {
      const { tenant, receiver } = operator;
      for (const endpoint of several(name)) {
        await tenant.createEndpoint(endpoint, { url: receiver.origin, ...onlyFor(name).endpoint });
      }
    },
    goesOn: (name) =>
      Promise.all(
        several(name).map((endpoint) => operator.tenant.endpointReason(endpoint, 'Ready', 'Ready', 45_000)),
      ),
  },
  {
    verb: 'update flagevents/status',
    match: { verb: 'update', resource: 'flagevents', subresource: 'status' },
    provoke: sendSeveral,
    goesOn: severalDelivered,
  },
  {
    verb: 'get flagevents',
    match: { verb: 'get', resource: 'flagevents' },
    provoke: async (name) => {
      const { tenant, addEndpoint } = operator;
      await addEndpoint(name, onlyFor(name).endpoint);
      await send(name);
      await delivered(name);
      await tenant.patchEvent(name, { metadata: { labels: { [REDELIVER_LABEL]: 'again' } } });
    },
    goesOn: (name) => waitForReads(name),
  },
  {
    verb: 'delete flagevents',
    match: { verb: 'delete', resource: 'flagevents' },
    provoke: async (name) => {
      await operator.addEndpoint(name, onlyFor(name).endpoint);
      for (const event of several(name)) {
        await operator.tenant.createEvent(
          event,
          { ...aFlagUpdated(), ttlSecondsAfterFinished: 0 },
          onlyFor(name).event,
        );
      }
    },
    goesOn: async () => {},
  },
  {
    verb: 'create events',
    match: { verb: 'create', resource: 'events' },
    provoke: async (name) => {
      for (const endpoint of several(name)) {
        await operator.tenant.createEndpoint(endpoint, {
          url: 'http://169.254.169.254/',
          ...onlyFor(name).endpoint,
        });
      }
    },
    goesOn: async () => {},
  },
];

function worksAgain(resource: string) {
  const { process } = operator;
  const isSo = () =>
    process.log.some((line) => line['resource'] === resource && String(line['msg']).endsWith('works again'));
  return waitUntil(`the watch of ${resource} to work again`, isSo, { timeoutMs: 45_000 });
}

function waitForReads(name: string) {
  const { proxy } = operator;
  return waitUntil('a read', () => proxy.count({ verb: 'get', resource: 'flagevents', name }) > 0);
}

test.each(REFUSALS)(
  'refused to $verb it says so in a line, asks seldom, and goes on once it may',
  async ({ verb, match, provoke, goesOn }) => {
    const { proxy, process } = operator;
    const name = verb.replaceAll(/\W/g, '-');
    const [asked, said] = [proxy.count(match), complaints().length];
    const allow = proxy.fault(match, FORBIDDEN);
    await provoke(name);
    await waitUntil('the line', () => complaints().length > said);
    await restFor(OBSERVED_MILLISECONDS, () => complaints().length);
    const lines = complaints().slice(said);
    const things = lines.map(({ msg, doing, resource }) => [msg, doing, resource].join());
    expect(things).toEqual([...new Set(things)]);
    // Of three objects, each with a backoff that doubles.
    const count = proxy.count(match) - asked;
    expect(count).toBeGreaterThan(0);
    expect(count).toBeLessThan(30);
    expect((await process.get('/healthz')).status).toBe(200);

    allow();
    await goesOn(name);
  },
  90_000,
);
