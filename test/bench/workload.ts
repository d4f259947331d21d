import { aFlagUpdated } from '../support/eventSpec.ts';
import { inParallel } from '../support/inParallel.ts';
import type { Tenant } from '../support/tenant.ts';
import type { Recordings } from './recordings.ts';

export const SECRET = 'my shared secret';

const CREATED_AT_ONCE = 16;

/** An endpoint of which every part that goes well is in use: signed, filtered, with a header out of a Secret. */
export function fullEndpoint(url: string): Readonly<Record<string, unknown>> {
  return {
    url,
    match: { environments: [{ name: 'Development' }], actions: ['Created', 'Updated'] },
    signingKeys: [{ secretKeyRef: { name: 'hook', key: 'secret' } }],
    headers: [
      { name: 'Authorization', valueFrom: { secretKeyRef: { name: 'hook', key: 'token' } } },
      { name: 'X-Team', value: 'shop' },
    ],
  };
}

export function createHookSecret(tenant: Tenant): Promise<void> {
  return tenant.createSecret('hook', { secret: SECRET, token: 'Bearer 0123456789' });
}

/** Creates the seed's event under a name, which is also in the payload. */
export async function createEvent(tenant: Tenant, name: string): Promise<void> {
  await tenant.createEvent(name, aFlagUpdated({ changed_by: name }));
}

/** Creates so many events as fast as the API server takes them. */
export async function createEvents(tenant: Tenant, count: number): Promise<void> {
  await inParallel(count, CREATED_AT_ONCE, (index) => createEvent(tenant, `backlog-${index}`));
}

/** Creates so many events, each as soon as fewer than `outstanding` of those before it are unfinished. */
export async function keepOutstanding(
  tenant: Tenant,
  { reached }: Pick<Recordings, 'reached'>,
  { count, outstanding }: { readonly count: number; readonly outstanding: number },
): Promise<void> {
  await inParallel(count, CREATED_AT_ONCE, async (index) => {
    await reached(index + 1 - outstanding);
    await createEvent(tenant, `steady-${index}`);
  });
}
