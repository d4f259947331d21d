import type { BadManifest, GoodManifest, Manifest } from './manifest.ts';

/** An endpoint as small as it can be, with `spec` laid over it; an undefined field is taken away. */
export function endpointManifest(
  spec: Readonly<Record<string, unknown>> = {},
  name: string = 'flag-cache',
): Manifest {
  return {
    apiVersion: 'flagpost.dev/v1alpha1',
    kind: 'WebhookEndpoint',
    metadata: { name },
    spec: { url: 'https://flag-cache.shop.svc/hooks/flags', eventTypes: ['FLAG_UPDATED'], ...spec },
  };
}

export const withMatch = (match: unknown): Manifest => endpointManifest({ match });
export const withSelector = (selector: unknown): Manifest => withMatch({ selector });
export const withHeaders = (...headers: unknown[]): Manifest => endpointManifest({ headers });

/** `count` labels with distinct keys. */
export const labels = (count: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`label-${index}`, 'x']));

export const good = (what: string, manifest: Manifest): GoodManifest => ({ what, manifest });
export const bad = (what: string, manifest: Manifest, field: string, remedy: string): BadManifest => ({
  what,
  manifest,
  field,
  remedy,
});
