import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureAssets } from '../controlplane/assets.ts';
import { programPath } from '../controlplane/release.ts';
import { apiRequest } from './apiRequest.ts';
import { type Cluster, openCluster } from './cluster.ts';
import { freePort } from './freePort.ts';
import { KeptServers } from './keptServers.ts';
import { writeKubeconfig } from './kubeconfig.ts';
import { startServer } from './startServer.ts';
import { writeTokens } from './tokenFile.ts';

export interface ControlPlaneOptions {
  /** Further flags of kube-apiserver, such as `--max-requests-inflight=10`. */
  readonly apiServerArgs?: readonly string[];
  /** Users beside the administrator, each with its groups. */
  readonly users?: Readonly<Record<string, readonly string[]>>;
  /** Write a line of JSON for each request that ended to `auditLogPath`. */
  readonly audit?: boolean;
}

/** A control plane of one's own: kube-apiserver and etcd on free loopback ports, their data in a temporary folder. */
export interface ControlPlane extends Cluster {
  /** Holds kube-apiserver.log and etcd.log; it goes with the control plane. */
  readonly folder: string;
  /** One audit.k8s.io/v1 Event a line, at level Metadata; exists where `audit` was asked for. */
  readonly auditLogPath: string;
  /** Freezes the API server: connections stay open, nothing is answered. */
  readonly pause: () => void;
  readonly resume: () => void;
  /** Kills the API server; its connections are reset, and new ones are refused until it is started again. */
  readonly stopApiServer: () => Promise<void>;
  /** On the same port, with the same data and credentials; resolves when it is ready. */
  readonly startApiServer: () => Promise<void>;
  readonly restartApiServer: () => Promise<void>;
  /** Leaves nothing behind. Happens by itself when the process ends, in whatever way. */
  readonly stop: () => Promise<void>;
}

const portTries = 3;
const auditPolicy = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [{ level: 'Metadata' }],
};

/** Resolves when the API server is ready, usually after three seconds. */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const assets = await ensureAssets();
  for (let tries = 1; ; tries += 1) {
    try {
      return await startOnFreePorts(assets, options);
    } catch (error) {
      // Somebody else may take a port between the look and the start.
      if (tries === portTries || !String(error).includes('address already in use')) throw error;
    }
  }
}

async function startOnFreePorts(assets: string, options: ControlPlaneOptions): Promise<ControlPlane> {
  const folder = await mkdtemp(join(tmpdir(), 'flagpost-controlplane-'));
  const servers = new KeptServers(folder);
  try {
    return await startServers(assets, folder, servers, options);
  } catch (error) {
    await servers.end();
    throw error;
  }
}

async function startServers(
  assets: string,
  folder: string,
  servers: KeptServers,
  options: ControlPlaneOptions,
): Promise<ControlPlane> {
  const file = (name: string) => join(folder, name);
  const [etcdPort, port] = await Promise.all([freePort(), freePort()]);
  const etcd = `http://127.0.0.1:${etcdPort}`;
  const server = `https://127.0.0.1:${port}`;
  const auditLogPath = file('audit.log');
  const tokens = await writeTokens(file('tokens.csv'), {
    admin: ['system:masters'],
    ...(options.users ?? { alice: [], bob: [], operator: [] }),
  });
  const serviceAccountKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  await writeFile(file('sa.key'), serviceAccountKey.export({ type: 'sec1', format: 'pem' }));
  await writeFile(file('audit.json'), JSON.stringify(auditPolicy));

  await startServer(servers, {
    name: 'etcd',
    folder,
    program: programPath(assets, 'etcd'),
    probe: () => fetch(`${etcd}/health`),
    args: [
      `--data-dir=${file('etcd')}`,
      `--listen-client-urls=${etcd}`,
      `--advertise-client-urls=${etcd}`,
      '--listen-peer-urls=http://127.0.0.1:0',
      '--log-level=warn',
      '--unsafe-no-fsync',
    ],
  });

  const credentials = async () => ({
    server,
    // The certificate that kube-apiserver makes for itself comes with the authority that signed it.
    ca: await readFile(file('certs/apiserver.crt'), 'utf8'),
    token: tokens['admin'] ?? '',
  });
  const startApiServer = () =>
    startServer(servers, {
      name: 'kube-apiserver',
      folder,
      program: programPath(assets, 'kube-apiserver'),
      probe: async () => apiRequest(await credentials(), '/readyz', { timeoutMs: 2_000 }),
      args: [
        `--etcd-servers=${etcd}`,
        `--cert-dir=${file('certs')}`,
        `--secure-port=${port}`,
        '--bind-address=127.0.0.1',
        '--advertise-address=127.0.0.1',
        '--endpoint-reconciler-type=none',
        `--token-auth-file=${file('tokens.csv')}`,
        '--authorization-mode=RBAC',
        '--service-cluster-ip-range=10.0.0.0/24',
        '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
        `--service-account-key-file=${file('sa.key')}`,
        `--service-account-signing-key-file=${file('sa.key')}`,
        // Nothing here makes the service accounts that it would ask for.
        '--disable-admission-plugins=ServiceAccount',
        ...(options.audit
          ? [`--audit-policy-file=${file('audit.json')}`, `--audit-log-path=${auditLogPath}`]
          : []),
        ...(options.apiServerArgs ?? []),
      ],
    });
  let apiServerPid = await startApiServer();

  const admin = await credentials();
  const users: Record<string, string> = {};
  for (const [user, token] of Object.entries(tokens)) {
    users[user] = file(`${user}.kubeconfig`);
    await writeKubeconfig(users[user], { ...admin, token });
  }
  const cluster = openCluster({
    ...admin,
    kubeconfigPath: file('admin.kubeconfig'),
    kubectlPath: programPath(assets, 'kubectl'),
    cacheFolder: file('kubectl-cache'),
    users,
  });
  return {
    ...cluster,
    folder,
    auditLogPath,
    pause: () => void process.kill(apiServerPid, 'SIGSTOP'),
    resume: () => void process.kill(apiServerPid, 'SIGCONT'),
    stopApiServer: () => servers.kill('kube-apiserver'),
    async startApiServer() {
      apiServerPid = await startApiServer();
    },
    async restartApiServer() {
      await servers.kill('kube-apiserver');
      apiServerPid = await startApiServer();
    },
    stop: () => servers.end(),
  };
}
