/** What a manifest's author writes. */
export interface Manifest {
  readonly apiVersion: 'flagpost.dev/v1alpha1';
  readonly kind: 'WebhookEndpoint' | 'FlagEvent';
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly spec?: unknown;
}

/** A manifest that the API server accepts. */
export interface GoodManifest {
  readonly what: string;
  readonly manifest: Manifest;
}

/** A manifest that the API server refuses, with an error about `field` that says `remedy`. */
export interface BadManifest extends GoodManifest {
  readonly field: string;
  readonly remedy: string;
}

/** Characters that count twice where UTF-16 units are counted. */
export const astral = (count: number): string => '🚩'.repeat(count);
