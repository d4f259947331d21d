type Json = Readonly<Record<string, unknown>>;

const apiGroup = 'rbac.authorization.k8s.io';
const apiVersion = `${apiGroup}/v1`;

/** A role, of one namespace or of all where it is undefined, and its binding to a user, both with the user's name. */
export function boundRole(
  namespace: string | undefined,
  user: string,
  rules: readonly Json[],
): readonly Json[] {
  const kind = namespace === undefined ? 'ClusterRole' : 'Role';
  const metadata = { name: user, namespace };
  return [
    { apiVersion, kind, metadata, rules },
    {
      apiVersion,
      kind: `${kind}Binding`,
      metadata,
      roleRef: { apiGroup, kind, name: user },
      subjects: [{ apiGroup, kind: 'User', name: user }],
    },
  ];
}
