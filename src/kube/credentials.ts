import { readFileSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import { createSecureContext } from 'node:tls';
import { KubeConfig, type User } from '@kubernetes/client-node';
import { z } from 'zod';
import { type ClusterConfig, ConfigError } from './config.ts';

/** What a connection to the API server is made with. */
export interface ClusterTls {
  readonly ca: Buffer | undefined;
  readonly cert: Buffer | string | undefined;
  readonly key: Buffer | string | undefined;
  readonly servername: string | undefined;
  readonly rejectUnauthorized: boolean;
}

export interface Credentials {
  readonly tls: ClusterTls;
  /** Headers of each request, Authorization among them. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Reads credentials from disk anew each time. What a credential plugin or an OIDC provider gave is kept until it
 * expires or `forget` is called.
 */
export class CredentialsReader {
  readonly #readConfig: () => ClusterConfig;
  /** As JSON, whose credentials the authenticator keeps. */
  #user: string | undefined;
  #authenticator: KubeConfig | undefined;

  constructor(readConfig: () => ClusterConfig) {
    this.#readConfig = readConfig;
  }

  /** Throws a ConfigError where something is missing or does not fit together, as half-way through a rotation. */
  async read(): Promise<Credentials> {
    const { cluster, user } = this.#readConfig();
    const given = await this.#authenticate(user);
    const tls = {
      ca: bytesOf(cluster.caFile, cluster.caData),
      cert: bytesOf(user.certFile, user.certData) ?? given.cert,
      key: bytesOf(user.keyFile, user.keyData) ?? given.key,
      servername: cluster.tlsServerName,
      rejectUnauthorized: !cluster.skipTLSVerify,
    };
    try {
      createSecureContext({ ca: tls.ca, cert: tls.cert, key: tls.key });
    } catch {
      throw new ConfigError(`the certificates of user ${user.name} or cluster ${cluster.name} can't be used`);
    }
    return { tls, headers: { ...given.headers, ...authorization(user) } };
  }

  forget(): void {
    this.#authenticator = undefined;
  }

  async #authenticate(user: User): Promise<z.infer<typeof givenOptions>> {
    const described = JSON.stringify(user);
    if (described !== this.#user) this.forget();
    this.#user = described;
    this.#authenticator ??= authenticatorOf(user);
    const options: RequestOptions = {};
    try {
      await this.#authenticator.applyToHTTPSOptions(options);
      return givenOptions.parse(options);
    } catch (error) {
      const detail = Error.isError(error) ? error.message.trim().slice(0, 200) : '';
      throw new ConfigError(`user ${user.name} can't be authenticated: ${detail}`);
    }
  }
}

const givenOptions = z.object({
  cert: z.string().optional().catch(undefined),
  key: z.string().optional().catch(undefined),
  headers: z.record(z.string(), z.string()).default({}),
});

// KubeConfig is asked about the user alone: of a cluster it wants more than can be had, such as no http.
const authenticatorOf = (user: User): KubeConfig => {
  const config = new KubeConfig();
  const { certFile: _1, certData: _2, keyFile: _3, keyData: _4, ...rest } = user;
  config.loadFromClusterAndUser(
    { name: 'cluster', server: 'https://cluster.invalid', skipTLSVerify: false },
    isTokenFile(user) ? { name: user.name, impersonateUser: user.impersonateUser } : rest,
  );
  return config;
};

const tokenFileProvider = z.object({ config: z.object({ tokenFile: z.string() }) });

const isTokenFile = (user: User): boolean => tokenFileProvider.safeParse(user.authProvider).success;

// A token file is read here: KubeConfig keeps a newline at its end, and the old one for a minute.
const authorization = (user: User): Record<string, string> => {
  const provider = tokenFileProvider.safeParse(user.authProvider);
  if (!provider.success) return {};
  const token = readFileOf(provider.data.config.tokenFile).toString('utf8').trim();
  return { Authorization: `Bearer ${token}` };
};

const bytesOf = (file: string | undefined, base64: string | undefined): Buffer | undefined => {
  if (file) return readFileOf(file);
  return base64 ? Buffer.from(base64, 'base64') : undefined;
};

const readFileOf = (file: string): Buffer => {
  try {
    return readFileSync(file);
  } catch {
    throw new ConfigError(`${file} can't be read`);
  }
};
