import { afterEach, describe, expect, test } from '@jest/globals';
import { ApiServerAddresses } from '../../src/kube/apiServerAddresses.ts';
import type { Answer, Request } from '../../src/kube/transport.ts';
import { ApiError } from '../../src/runtime/apiError.ts';
import { FakeClock } from '../support/fakeClock.ts';

type Line = { type: string; object: unknown };

/** A transport whose watches are fed by the test; nothing else is asked. */
class Watches {
  readonly asked: Request[] = [];
  readonly #feeds = new Map<string, (line: Line) => void>();
  refuse = false;

  send(): Promise<Answer> {
    return Promise.reject(new ApiError(403, 'Forbidden', 'may not'));
  }

  async *stream(request: Request): AsyncGenerator<Uint8Array> {
    this.asked.push(request);
    if (this.refuse) throw new ApiError(403, 'Forbidden', 'may not');
    const lines: Line[] = [];
    let wake = () => {};
    request.signal.addEventListener('abort', () => wake());
    this.#feeds.set(request.path, (line) => {
      lines.push(line);
      wake();
    });
    while (!request.signal.aborted) {
      const line = lines.shift();
      if (line) yield Buffer.from(`${JSON.stringify(line)}\n`);
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  }

  show(path: string, ...objects: object[]): void {
    const metadata = {
      name: 'kubernetes',
      namespace: 'default',
      uid: path,
      resourceVersion: '1',
      creationTimestamp: '',
    };
    const annotations = { 'k8s.io/initial-events-end': 'true' };
    for (const object of objects) this.#feeds.get(path)?.({ type: 'ADDED', object: { metadata, ...object } });
    this.#feeds.get(path)?.({
      type: 'BOOKMARK',
      object: { metadata: { resourceVersion: '2', annotations } },
    });
  }
}

const SERVICES = '/api/v1/namespaces/default/services';
const SLICES = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';
const lives: { life: AbortController; ended: Promise<unknown> }[] = [];

afterEach(async () => {
  for (const { life, ended } of lives.splice(0)) {
    life.abort();
    await ended;
  }
});

function follow(
  server: string,
  { env = {}, names = {} }: { env?: NodeJS.ProcessEnv; names?: Record<string, string[]> } = {},
) {
  const clock = new FakeClock();
  const transport = new Watches();
  const errors: unknown[] = [];
  const looked: string[] = [];
  const world = { clock, transport, errors, looked, names, changes: 0 };
  const addresses = new ApiServerAddresses({
    transport,
    server: new URL(server),
    env,
    lookup: async (hostname) => {
      looked.push(hostname);
      const found = names[hostname];
      if (!found) throw new Error('ENOTFOUND');
      return found;
    },
    clock,
    random: () => 0.5,
    onChange: () => (world.changes += 1),
    onError: (error) => errors.push(error),
  });
  const start = async () => {
    const life = new AbortController();
    const { ready, ended } = addresses.start(life.signal);
    lives.push({ life, ended });
    await ready;
    await clock.advance(0);
  };
  const current = () => addresses.current().map(({ address, port }) => `${address} ${port}`);
  return Object.assign(world, { start, current });
}

describe('before anything was asked', () => {
  test.each<[server: string, env: NodeJS.ProcessEnv, want: string[]]>([
    ['https://10.0.0.1:6443', {}, ['10.0.0.1 6443']],
    ['https://10.0.0.1', {}, ['10.0.0.1 443']],
    ['http://10.0.0.1', {}, ['10.0.0.1 80']],
    ['https://[fd00::1]:6443/prefix', {}, ['fd00::1 6443']],
    ['https://api.example', {}, ['api.example 443']],
    [
      'https://10.0.0.1:6443',
      { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '8443' },
      ['10.0.0.1 6443', '10.96.0.1 8443'],
    ],
    ['https://10.0.0.1:6443', { KUBERNETES_SERVICE_HOST: 'fd00::96' }, ['10.0.0.1 6443', 'fd00::96 443']],
  ])('of %s with %j are known %j', (server, env, want) => {
    expect(follow(server, { env }).current()).toEqual(want);
  });
});

describe('names', () => {
  test('are looked up before it is ready, then each minute', async () => {
    const world = follow('https://api.example:6443', { names: { 'api.example': ['10.0.0.1', '10.0.0.2'] } });
    await world.start();
    expect(world.current()).toEqual(['api.example 6443', '10.0.0.1 6443', '10.0.0.2 6443']);
    expect(world.changes).toBe(1);
    world.names['api.example'] = ['10.0.0.3'];
    await world.clock.advance(59_999);
    expect(world.looked).toHaveLength(1);
    await world.clock.advance(1);
    expect(world.current()).toEqual(['api.example 6443', '10.0.0.3 6443']);
    expect(world.changes).toBe(2);
  });

  test('keep what they led to where a lookup fails, and where nothing changes nobody is told', async () => {
    const world = follow('https://api.example', { names: { 'api.example': ['10.0.0.1'] } });
    await world.start();
    delete world.names['api.example'];
    await world.clock.advance(120_000);
    expect(world.looked).toHaveLength(3);
    expect(world.current()).toEqual(['api.example 443', '10.0.0.1 443']);
    expect(world.changes).toBe(1);
  });

  test('that can not be looked up at the start keep nobody waiting', async () => {
    const world = follow('https://api.example');
    await world.start();
    expect(world.current()).toEqual(['api.example 443']);
  });

  test('are not asked where there is only an address', async () => {
    const world = follow('https://[fd00::1]:6443');
    await world.start();
    await world.clock.advance(120_000);
    expect(world.looked).toEqual([]);
  });
});

describe('the Service kubernetes and its EndpointSlices', () => {
  test('are asked for by name, in default alone', async () => {
    const world = follow('https://10.0.0.1');
    await world.start();
    expect(
      world.transport.asked.map(({ path, query }) => [
        path,
        query?.['fieldSelector'],
        query?.['labelSelector'],
      ]),
    ).toEqual([
      [SERVICES, 'metadata.name=kubernetes', undefined],
      [SLICES, undefined, 'kubernetes.io/service-name=kubernetes'],
    ]);
  });

  test('add each of their addresses with each of their ports', async () => {
    const world = follow('https://10.0.0.1');
    await world.start();
    world.transport.show(SERVICES, {
      spec: { clusterIPs: ['10.96.0.1', 'fd00::96'], ports: [{ port: 443 }] },
    });
    world.transport.show(SLICES, {
      endpoints: [{ addresses: ['172.18.0.2'] }, { addresses: ['172.18.0.3'] }],
      ports: [{ port: 6443 }, { port: null }],
    });
    await world.clock.advance(10);
    expect(world.current()).toEqual([
      '10.0.0.1 443',
      '10.96.0.1 443',
      'fd00::96 443',
      '172.18.0.2 6443',
      '172.18.0.3 6443',
    ]);
    expect(world.changes).toBe(2);
  });

  test.each<[what: string, service: object, slice: object]>([
    ['nothing', { spec: {} }, {}],
    ['nulls', { spec: { clusterIPs: [], ports: [] } }, { endpoints: null, ports: null }],
  ])('may say %s', async (_what, service, slice) => {
    const world = follow('https://10.0.0.1');
    await world.start();
    world.transport.show(SERVICES, service);
    world.transport.show(SLICES, slice);
    await world.clock.advance(10);
    expect(world.current()).toEqual(['10.0.0.1 443']);
    expect(world.errors).toEqual([]);
  });

  test('that may not be read are told, once each, and what is known otherwise stands', async () => {
    const world = follow('https://api.example', { names: { 'api.example': ['10.0.0.1'] } });
    world.transport.refuse = true;
    await world.start();
    await world.clock.advance(300_000);
    expect(world.errors).toHaveLength(2);
    expect(world.current()).toEqual(['api.example 443', '10.0.0.1 443']);
  });
});
