import { isIP } from 'node:net';
import { z } from 'zod';
import { objectMeta } from '../api/objectMeta.ts';
import type { Clock } from '../runtime/clock.ts';
import { Reflector } from '../runtime/reflector.ts';
import { sleep } from '../runtime/sleep.ts';
import { Store } from '../runtime/store.ts';
import { ResourceClient, type ResourceClientOptions, type Selection } from './resourceClient.ts';

/** Where the API server can be reached. */
export interface HostPort {
  /** An address, or a name. */
  readonly address: string;
  readonly port: number;
}

export interface ApiServerAddressesOptions {
  readonly transport: ResourceClientOptions<never>['transport'];
  readonly server: URL;
  readonly env: Readonly<NodeJS.ProcessEnv>;
  /** All addresses of a name. */
  readonly lookup: (hostname: string) => Promise<readonly string[]>;
  readonly clock: Clock;
  readonly random: () => number;
  /** The addresses are other ones than before. */
  readonly onChange: () => void;
  /** The Service or its EndpointSlices can't be read; what is known otherwise stands. */
  readonly onError: (error: unknown) => void;
}

const service = z.object({
  metadata: objectMeta,
  spec: z.object({
    clusterIPs: z.array(z.string()).default([]),
    ports: z.array(z.object({ port: z.number() })).default([]),
  }),
});
const endpointSlice = z.object({
  metadata: objectMeta,
  endpoints: z.array(z.object({ addresses: z.array(z.string()) })).nullish(),
  ports: z.array(z.object({ port: z.number().nullish() })).nullish(),
});

const SERVICE: Selection = { namespace: 'default', fieldSelector: 'metadata.name=kubernetes' };
const SLICES: Selection = { namespace: 'default', labelSelector: 'kubernetes.io/service-name=kubernetes' };
const LOOKUP_PERIOD_MILLISECONDS = 60_000;

/**
 * Every address and port of the API server that the operator can know of: that of the configuration and what its name
 * leads to, KUBERNETES_SERVICE_HOST, and, where it may read them, those of the Service `kubernetes` and its
 * EndpointSlices in `default`. Kept current while `start` runs.
 */
export class ApiServerAddresses {
  readonly #options: ApiServerAddressesOptions;
  readonly #fixed: readonly HostPort[];
  readonly #services = new Store<z.infer<typeof service>>();
  readonly #slices = new Store<z.infer<typeof endpointSlice>>();
  #lookedUp: readonly HostPort[] = [];
  #current: readonly HostPort[];

  constructor(options: ApiServerAddressesOptions) {
    this.#options = options;
    const { server, env } = options;
    const address = server.hostname.replace(/^\[(.*)\]$/, '$1');
    const port = Number(server.port) || (server.protocol === 'https:' ? 443 : 80);
    const inCluster = env['KUBERNETES_SERVICE_HOST'];
    const inClusterPort = Number(env['KUBERNETES_SERVICE_PORT'] ?? 443);
    this.#fixed = [
      { address, port },
      ...(inCluster === undefined ? [] : [{ address: inCluster, port: inClusterPort }]),
    ];
    this.#current = this.#fixed;
    for (const store of [this.#services, this.#slices]) store.subscribe(() => this.#update());
  }

  current(): readonly HostPort[] {
    return this.#current;
  }

  /** Works until `signal` is aborted; `ready` resolves once the names were looked up for the first time. */
  start(signal: AbortSignal): { readonly ready: Promise<void>; readonly ended: Promise<unknown> } {
    const ready = this.#lookUp();
    const reflections = [
      this.#reflect('services', '', service, SERVICE, this.#services).start(signal),
      this.#reflect('endpointslices', 'discovery.k8s.io', endpointSlice, SLICES, this.#slices).start(signal),
    ];
    return { ready, ended: Promise.all([...reflections, ready.then(() => this.#keepLookingUp(signal))]) };
  }

  #reflect<T extends { metadata: z.infer<typeof objectMeta> }>(
    plural: string,
    group: string,
    schema: z.ZodType<T>,
    selection: Selection,
    store: Store<T>,
  ): Reflector<T> {
    const { transport, clock, random, onError } = this.#options;
    const client = new ResourceClient<T>({
      transport,
      resource: { group, version: 'v1', plural, kind: '' },
      parse: (value) => schema.parse(value),
      onUnparsable: (_where, error) => onError(error),
    });
    return new Reflector({ listWatch: client.listWatch(selection), store, clock, random, onError });
  }

  async #keepLookingUp(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(this.#options.clock, LOOKUP_PERIOD_MILLISECONDS, signal);
      await this.#lookUp();
    }
  }

  async #lookUp(): Promise<void> {
    const names = this.#fixed.filter(({ address }) => isIP(address) === 0);
    const found = await Promise.all(
      names.map(async ({ address, port }) => {
        const addresses = await this.#options.lookup(address).catch(() => undefined);
        return addresses?.map((resolved) => ({ address: resolved, port }));
      }),
    );
    // What was known stands where a lookup fails.
    if (found.includes(undefined)) return;
    this.#lookedUp = found.flatMap((addresses) => addresses ?? []);
    this.#update();
  }

  #update(): void {
    const before = JSON.stringify(this.#current);
    this.#current = [
      ...this.#fixed,
      ...this.#lookedUp,
      ...this.#services
        .all()
        .flatMap(({ spec }) =>
          spec.clusterIPs.flatMap((address) => spec.ports.map(({ port }) => ({ address, port }))),
        ),
      ...this.#slices
        .all()
        .flatMap(({ endpoints, ports }) =>
          (endpoints ?? []).flatMap(({ addresses }) =>
            addresses.flatMap((address) =>
              (ports ?? []).flatMap(({ port }) => (typeof port === 'number' ? [{ address, port }] : [])),
            ),
          ),
        ),
    ];
    if (JSON.stringify(this.#current) !== before) this.#options.onChange();
  }
}
