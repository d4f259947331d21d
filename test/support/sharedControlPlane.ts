import { type Cluster, type ClusterAccess, openCluster } from './cluster.ts';

/** Names the address that globalSetup serves. */
export const controlPlaneVariable = 'FLAGPOST_TEST_CONTROL_PLANE';

/**
 * The control plane of this run of jest, our CRDs installed: one for all test files, started by the first that asks.
 * Every test makes a namespace of its own in it. Who wants to pause or restart the API server starts one with
 * startControlPlane.
 */
export async function sharedControlPlane(): Promise<Cluster> {
  const url = process.env[controlPlaneVariable];
  if (url === undefined)
    throw new Error(`${controlPlaneVariable} is not set: the tests have to be run by jest`);
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(await answer.text());
  return openCluster((await answer.json()) as ClusterAccess);
}
