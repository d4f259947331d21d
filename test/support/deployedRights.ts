import { boundRole } from './boundRole.ts';
import type { Cluster } from './cluster.ts';
import { waitUntil } from './waitUntil.ts';

/** The user of the shared control plane who has the rights that deploy/ gives the operator, and no others. */
export const DEPLOYED_USER = 'deployed';

/** Grants the user of a control plane what the operator's ServiceAccount gets; resolves when it holds. */
export async function grantDeployedRights(cluster: Cluster): Promise<void> {
  // It renders deploy/, which takes kubectl.
  const { deployed } = await import('./deployed.ts');
  const everywhere = ['flagpost', 'flagpost-references'].flatMap(
    (name) => deployed('ClusterRole', name).rules,
  );
  const items = [
    ...boundRole(undefined, DEPLOYED_USER, everywhere),
    ...boundRole('default', DEPLOYED_USER, deployed('Role', 'flagpost-api-server').rules),
  ];
  await cluster.apply(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  await waitUntil('the rights to hold', async () => {
    const asked = ['auth', 'can-i', 'list', 'endpointslices.discovery.k8s.io', '--namespace=default'];
    return (await cluster.kubectl([...asked, `--as=${DEPLOYED_USER}`])).status === 0;
  });
}
