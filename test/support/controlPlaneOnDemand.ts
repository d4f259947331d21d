import { once } from 'node:events';
import { createServer } from 'node:http';
import { findAssets } from '../controlplane/assets.ts';
import type { ClusterAccess } from './cluster.ts';
import { type ControlPlane, startControlPlane } from './controlPlane.ts';
import { DEPLOYED_USER, grantDeployedRights } from './deployedRights.ts';
import { installCrds } from './installCrds.ts';

export interface ControlPlaneOnDemand {
  /** Answers a GET with the ClusterAccess as JSON, or with 500 and a reason. */
  readonly url: string;
  stop(): Promise<void>;
}

/** One control plane with our CRDs for many processes, started with the first request; none, none. */
export async function serveControlPlaneOnDemand(): Promise<ControlPlaneOnDemand> {
  let starting: Promise<ControlPlane> | undefined;
  const server = createServer((_, answer) => {
    starting ??= startWithCrds();
    starting.then(
      (controlPlane) => answer.end(JSON.stringify(accessOf(controlPlane))),
      (error: unknown) => answer.writeHead(500).end(String(error)),
    );
  });
  server.listen(0, '127.0.0.1').unref();
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no TCP port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    async stop() {
      server.close();
      server.closeAllConnections();
      const controlPlane = await starting?.catch(() => undefined);
      await controlPlane?.stop();
    },
  };
}

async function startWithCrds(): Promise<ControlPlane> {
  // A build would outlast the patience of the test that waits.
  if ((await findAssets()) === undefined) {
    throw new Error('kube-apiserver, etcd and kubectl are missing; `npm run assets` gets them');
  }
  const controlPlane = await startControlPlane({
    users: { alice: [], bob: [], operator: [], [DEPLOYED_USER]: [] },
  });
  try {
    await installCrds(controlPlane);
    await grantDeployedRights(controlPlane);
  } catch (error) {
    await controlPlane.stop();
    throw error;
  }
  return controlPlane;
}

function accessOf({
  server,
  ca,
  token,
  kubeconfigPath,
  kubectlPath,
  cacheFolder,
  users,
}: ControlPlane): ClusterAccess {
  return { server, ca, token, kubeconfigPath, kubectlPath, cacheFolder, users };
}
