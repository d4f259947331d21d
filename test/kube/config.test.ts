import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { findConfig, ownNamespace, readConfig } from '../../src/kube/config.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'flagpost-config-'));
});

afterEach(() => rm(folder, { recursive: true }));

const file = (name: string): string => path.join(folder, name);
const write = async (name: string, content: unknown): Promise<string> => {
  await writeFile(file(name), typeof content === 'string' ? content : JSON.stringify(content));
  return file(name);
};
const kubeconfig = (name: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  clusters: [{ name, cluster: { server: `https://${name}.example:6443` } }],
  users: [{ name, user: { token: `token-${name}` } }],
  contexts: [{ name, context: { cluster: name, user: name } }],
  'current-context': name,
  ...more,
});
const serverOf = (env: Record<string, string>): string => readConfig(findConfig(env)).cluster.server;
const messageOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
  return 'no error';
};

describe('the API server is found', () => {
  test('by KUBECONFIG, before ~/.kube/config', async () => {
    const { mkdir } = await import('node:fs/promises');
    await mkdir(file('.kube'));
    await write('.kube/config', kubeconfig('home'));
    const named = await write('named', kubeconfig('named'));
    expect(serverOf({ KUBECONFIG: named, HOME: folder })).toBe('https://named.example:6443');
    expect(serverOf({ HOME: folder })).toBe('https://home.example:6443');
    expect(serverOf({ HOME: folder, KUBECONFIG: '' })).toBe('https://home.example:6443');
  });

  test('in several files, of which some may be missing and the first counts', async () => {
    const first = await write('first', { ...kubeconfig('a'), 'current-context': '' });
    const second = await write('second', kubeconfig('b', { clusters: kubeconfig('b')['clusters'] }));
    const third = await write('third', kubeconfig('a'));
    const list = [file('missing'), first, second, third].join(path.delimiter);
    expect(serverOf({ KUBECONFIG: list })).toBe('https://b.example:6443');
  });

  test('in the context of the start, whatever becomes current later', async () => {
    const both = (current: string): Record<string, unknown> => ({
      ...Object.fromEntries(
        ['clusters', 'users', 'contexts'].map((key) => [
          key,
          ['a', 'b'].flatMap((name) => kubeconfig(name)[key]),
        ]),
      ),
      'current-context': current,
    });
    const source = findConfig({ KUBECONFIG: await write('config', both('a')) });
    await write('config', both('b'));
    expect(readConfig(source).cluster.name).toBe('a');
  });

  test('with a tokenFile beside the kubeconfig', async () => {
    const users = [{ name: 'a', user: { tokenFile: 'token' } }];
    const { user } = readConfig(
      findConfig({ KUBECONFIG: await write('config', kubeconfig('a', { users })) }),
    );
    expect(user.authProvider).toEqual({ name: 'tokenFile', config: { tokenFile: file('token') } });
  });
});

describe('the message is clear where', () => {
  test('nothing is configured', () => {
    expect(messageOf(() => findConfig({ HOME: folder }))).toBe(
      'ConfigError: no API server is configured: set KUBECONFIG, or write ~/.kube/config, or run as a Pod',
    );
  });

  test('KUBECONFIG names no file', () => {
    expect(messageOf(() => findConfig({ KUBECONFIG: file('missing') }))).toMatch(
      /^ConfigError: KUBECONFIG is .*missing: there is no such file$/,
    );
  });

  test.each<[string, unknown, RegExp]>([
    ['there is no context', { ...kubeconfig('a'), 'current-context': '' }, /no current-context is set$/],
    ['the context is unknown', { ...kubeconfig('a'), 'current-context': 'x' }, /there is no context x$/],
    ['the cluster is unknown', kubeconfig('a', { clusters: [] }), /there is no cluster a$/],
    [
      'the server is no URL',
      kubeconfig('a', { clusters: [{ name: 'a', cluster: { server: 'nowhere' } }] }),
      /the server of cluster a is no http or https URL$/,
    ],
    [
      'there is no server',
      kubeconfig('a', { clusters: [{ name: 'a', cluster: {} }] }),
      /clusters\[0\]\.cluster\.server is missing$/,
    ],
    [
      'there is a proxy',
      kubeconfig('a', {
        clusters: [{ name: 'a', cluster: { server: 'https://a', 'proxy-url': 'http://p' } }],
      }),
      /cluster a has a proxy-url, and proxies are not supported$/,
    ],
    ['the file is empty', '', /is no usable kubeconfig/],
  ])('%s', async (_what, content, message) => {
    const env = { KUBECONFIG: await write('config', content) };
    expect(messageOf(() => readConfig(findConfig(env)))).toMatch(message);
  });

  test('the file is no YAML, and shows nothing of it', async () => {
    const env = { KUBECONFIG: await write('config', 'users: [{name: a, user: {token: s3cr3t\n  }') };
    const message = messageOf(() => findConfig(env));
    expect(message).toMatch(/is no usable kubeconfig: it is not valid YAML$/);
    expect(message).not.toContain('s3cr3t');
  });
});

describe("the operator's own namespace", () => {
  test('is what POD_NAMESPACE says', () => {
    expect(ownNamespace({ POD_NAMESPACE: 'flagpost-system' })).toBe('flagpost-system');
  });

  test('is not known outside of a cluster', () => {
    expect(ownNamespace({})).toBeUndefined();
    expect(ownNamespace({ POD_NAMESPACE: '' })).toBeUndefined();
  });
});
