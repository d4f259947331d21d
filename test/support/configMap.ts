/** A ConfigMap as the API server gives it; its UID is made of its name where none is given. */
export const aConfigMap = (
  name: string,
  resourceVersion: string,
  data: Readonly<Record<string, string>> = {},
  uid = `uid-${name}`,
) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'shop', uid, resourceVersion, creationTimestamp: '2026-01-01T00:00:00Z' },
  data,
});
