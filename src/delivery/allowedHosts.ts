/** The annotation by which a Secret limits the endpoints that may use it. */
export const ALLOWED_HOSTS = 'flagpost.dev/allowed-hosts';

/**
 * Whether a Secret with this annotation may be used for a host. The annotation is a list with commas; `*.` at the
 * beginning of an item stands for one or more labels; case and a final dot don't count. Absent, every host may.
 */
export function allowsHost(annotation: string | undefined, host: string): boolean {
  if (annotation === undefined) return true;
  const wanted = normalise(host);
  return annotation
    .split(',')
    .map(normalise)
    .some((item) =>
      item.startsWith('*.')
        ? wanted.length > item.length - 1 && wanted.endsWith(item.slice(1))
        : item === wanted,
    );
}

function normalise(host: string): string {
  return host.trim().toLowerCase().replace(/\.$/, '');
}
