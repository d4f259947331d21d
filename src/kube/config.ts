import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type Cluster, type Context, KubeConfig, loadYaml, type User } from '@kubernetes/client-node';
import { z } from 'zod';

/** No API server can be found or used as configured. The message says what is wrong where, and no secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** One cluster and how to show oneself to it, as read from disk. */
export interface ClusterConfig {
  readonly cluster: Cluster;
  readonly user: User;
}

/** Where a configuration was found: kubeconfig files, the first wins, or the Pod's own service account. */
export interface ConfigSource {
  /** Empty in a Pod. */
  readonly files: readonly string[];
  /** The context in use, kept from the start: `kubectl config use-context` must not move a running operator. */
  readonly context: string;
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Finds the API server by KUBECONFIG, else ~/.kube/config, else as a Pod, and throws a ConfigError. */
export const findConfig = (env: Readonly<NodeJS.ProcessEnv>): ConfigSource => {
  const files = kubeconfigFiles(env);
  if (files.length > 0) {
    const { currentContext } = mergeFiles(files);
    if (!currentContext) throw new ConfigError(`${files.join(', ')}: no current-context is set`);
    return { files, context: currentContext };
  }
  if (env['KUBERNETES_SERVICE_HOST'] && existsSync(`${SERVICE_ACCOUNT}/token`)) return { files, context: '' };
  throw new ConfigError(
    'no API server is configured: set KUBECONFIG, or write ~/.kube/config, or run as a Pod',
  );
};

/** The namespace of the Pod that this runs in, by client-go's rules; nothing outside of a cluster. */
export const ownNamespace = (env: Readonly<NodeJS.ProcessEnv>): string | undefined => {
  if (env['POD_NAMESPACE']) return env['POD_NAMESPACE'];
  const file = `${SERVICE_ACCOUNT}/namespace`;
  return existsSync(file) ? readFileSync(file, 'utf8').trim() || undefined : undefined;
};

/** Reads the configuration as it now stands on disk, and throws a ConfigError. */
export const readConfig = (source: ConfigSource): ClusterConfig => {
  const config = source.files.length > 0 ? mergeFiles(source.files) : podConfig();
  const context = config.contexts.find(({ name }) => name === (source.context || config.currentContext));
  const where = source.files.join(', ');
  if (context === undefined) throw new ConfigError(`${where}: there is no context ${source.context}`);
  const cluster = config.clusters.find(({ name }) => name === context.cluster);
  if (cluster === undefined) throw new ConfigError(`${where}: there is no cluster ${context.cluster}`);
  const user = config.users.find(({ name }) => name === context.user) ?? { name: context.user };
  if (!URL.canParse(cluster.server) || !/^https?:/.test(cluster.server))
    throw new ConfigError(`${where}: the server of cluster ${cluster.name} is no http or https URL`);
  if (cluster.proxyUrl)
    throw new ConfigError(`${where}: cluster ${cluster.name} has a proxy-url, and proxies are not supported`);
  return { cluster, user };
};

const kubeconfigFiles = (env: Readonly<NodeJS.ProcessEnv>): string[] => {
  if (env['KUBECONFIG']) {
    const files = env['KUBECONFIG'].split(path.delimiter).filter((file) => file !== '' && existsSync(file));
    if (files.length === 0)
      throw new ConfigError(`KUBECONFIG is ${env['KUBECONFIG']}: there is no such file`);
    return files;
  }
  const file = path.join(env['HOME'] ?? '', '.kube', 'config');
  return env['HOME'] && existsSync(file) ? [file] : [];
};

interface Kubeconfig {
  readonly clusters: readonly Cluster[];
  readonly users: readonly User[];
  readonly contexts: readonly Context[];
  readonly currentContext: string;
}

const podConfig = (): Kubeconfig => {
  const config = new KubeConfig();
  config.loadFromCluster();
  return config;
};

// As kubectl does it: of two files the first that has a name, or a current-context, counts.
const mergeFiles = (files: readonly string[]): Kubeconfig => {
  const configs = files.map(readFile);
  return {
    clusters: configs.flatMap(({ clusters }) => clusters),
    users: configs.flatMap(({ users }) => users),
    contexts: configs.flatMap(({ contexts }) => contexts),
    currentContext: configs.map(({ currentContext }) => currentContext).find(Boolean) ?? '',
  };
};

const tokenFiles = z.object({
  users: z
    .array(z.object({ name: z.string(), user: z.object({ tokenFile: z.string().optional() }).nullish() }))
    .nullish(),
});

const readFile = (file: string): Kubeconfig => {
  try {
    const config = new KubeConfig();
    config.loadFromFile(file);
    // KubeConfig knows `token-file`, but kubectl and client-go write and read `tokenFile`.
    const { users } = tokenFiles.parse(loadYaml(readFileSync(file, 'utf8')));
    const byName = new Map(users?.map(({ name, user }) => [name, user?.tokenFile]));
    return {
      clusters: config.clusters,
      contexts: config.contexts,
      currentContext: config.currentContext,
      users: config.users.map((user) => {
        const tokenFile = byName.get(user.name);
        if (tokenFile === undefined) return user;
        const absolute = path.resolve(path.dirname(file), tokenFile);
        return { ...user, authProvider: { name: 'tokenFile', config: { tokenFile: absolute } } };
      }),
    };
  } catch (error) {
    throw new ConfigError(`${file} is no usable kubeconfig: ${reasonOf(error)}`);
  }
};

// A YAML error's message shows the lines around it, and they may hold a token.
const reasonOf = (error: unknown): string => {
  if (error instanceof z.ZodError) return 'users is not as it should be';
  if (!Error.isError(error)) return 'unknown';
  return error.name === 'YAMLException' ? 'it is not valid YAML' : error.message;
};
