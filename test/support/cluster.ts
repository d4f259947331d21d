import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { apiRequest, type RequestOptions } from './apiRequest.ts';
import type { Credentials } from './kubeconfig.ts';

/** All that a test needs to use a control plane that somebody else started; plain data. */
export interface ClusterAccess extends Credentials {
  /** Of an administrator. */
  readonly kubeconfigPath: string;
  readonly kubectlPath: string;
  /** For kubectl's cache of the API's shape. */
  readonly cacheFolder: string;
  /** Path of a kubeconfig for each further user; they may do nothing until they are bound to a role. */
  readonly users: Readonly<Record<string, string>>;
}

export interface KubectlResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number | null;
}

/** A real API server with its administrator's rights. */
export interface Cluster extends ClusterAccess {
  /** Runs kubectl; a status other than 0 is a result, not an error. */
  readonly kubectl: (args: readonly string[], stdin?: string) => Promise<KubectlResult>;
  /** Applies YAML or JSON with kubectl and gives what it printed; throws what it complained of. */
  readonly apply: (manifests: string, args?: readonly string[]) => Promise<string>;
  /** One plain request, with a path such as `/readyz`; any status is an answer. */
  request(
    path: string,
    options?: RequestOptions,
  ): Promise<{ readonly status: number; readonly body: string }>;
  /** Makes a namespace for one test and gives its name. */
  readonly createNamespace: () => Promise<string>;
  /** Path of the kubeconfig of one of `users`, such as `alice`. */
  readonly userKubeconfig: (name: string) => string;
}

export function openCluster(access: ClusterAccess): Cluster {
  const kubectl = (args: readonly string[], stdin = '') => runKubectl(access, args, stdin);
  return {
    ...access,
    kubectl,
    async apply(manifests, args = []) {
      const { stdout, stderr, status } = await kubectl(['apply', '-f', '-', ...args], manifests);
      if (status !== 0) throw new Error(`kubectl apply: ${stderr}`);
      return stdout;
    },
    request: (path, options) => apiRequest(access, path, options),
    async createNamespace() {
      const name = `test-${randomBytes(5).toString('hex')}`;
      const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
      const answer = await apiRequest(access, '/api/v1/namespaces', { method: 'POST', body });
      if (answer.status !== 201) throw new Error(`no namespace: ${answer.status} ${answer.body}`);
      return name;
    },
    userKubeconfig(name) {
      const path = access.users[name];
      if (path === undefined)
        throw new Error(`no user ${name}, only ${Object.keys(access.users).join(', ')}`);
      return path;
    },
  };
}

async function runKubectl(
  access: ClusterAccess,
  args: readonly string[],
  stdin: string,
): Promise<KubectlResult> {
  const child = spawn(access.kubectlPath, args, {
    env: { ...process.env, KUBECONFIG: access.kubeconfigPath, KUBECACHEDIR: access.cacheFolder },
    stdio: 'pipe',
  });
  const ended = Promise.withResolvers<number | null>();
  child.once('error', ended.reject);
  child.once('close', ended.resolve);
  child.stdin.on('error', () => {
    // kubectl ended without reading all; its status says why.
  });
  child.stdin.end(stdin);
  const [stdout, stderr, status] = await Promise.all([text(child.stdout), text(child.stderr), ended.promise]);
  return { stdout, stderr, status };
}
