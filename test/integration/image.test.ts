import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { npmCache, writeBaseImage } from '../support/baseImage.ts';
import { projectFolder } from '../support/document.ts';
import {
  operatorKubeconfig,
  type OperatorProcess,
  startOperatorProcess,
} from '../support/operatorProcess.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';
import { aTenant } from '../support/tenant.ts';

const run = promisify(execFile);

/** It takes minutes, so `npm run image` asks for it. */
const isAsked = process.env['FLAGPOST_TEST_IMAGE'] === 'true';
const isPossible = process.getuid?.() === 0 && spawnSync('buildah', ['--version']).status === 0;
if (isAsked && !isPossible) console.warn('the image is not built: that takes buildah, and root');
const describeImage = isAsked && isPossible ? describe : describe.skip;

describeImage('the image that buildah makes of the Dockerfile', () => {
  let folder: string;
  let root: string;
  let operator: OperatorProcess | undefined;
  let receiver: Receiver | undefined;

  async function buildah(...args: readonly string[]): Promise<string> {
    const storage = ['--root', join(folder, 'storage'), '--runroot', join(folder, 'run')];
    const { stdout } = await run('buildah', [...storage, '--storage-driver=vfs', ...args], {
      cwd: projectFolder,
      maxBuffer: 2 ** 24,
    });
    return stdout.trim();
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'flagpost-image-'));
    const { stdout: cache } = await run('npm', ['config', 'get', 'cache']);
    writeBaseImage(join(folder, 'base'));
    await buildah('bud', '--isolation=chroot', '--tag=base', join(folder, 'base'));
    const build = ['bud', '--isolation=chroot', '--pull-never', '--build-arg=NODE_IMAGE=localhost/base'];
    await buildah(...build, `--volume=${cache.trim()}:${npmCache}`, '--tag=flagpost', '.');
    root = await buildah('mount', await buildah('from', '--pull-never', 'localhost/flagpost'));
  }, 900_000);
  afterAll(async () => {
    await operator?.stop();
    await receiver?.close();
    await buildah('umount', '--all');
    await rm(folder, { recursive: true, force: true });
  });

  const filesBelow = async (path: string) => {
    const entries = await readdir(path, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  };

  test('has Node, its libraries, the compiled files and production dependencies, and nothing else', async () => {
    const files = await filesBelow(root);
    const sizes = await Promise.all(files.map((file) => stat(file).then(({ size }) => size)));
    const megabytes = sizes.reduce((sum, size) => sum + size, 0) / 1e6;
    console.log(`the image: ${megabytes.toFixed(1)} MB in ${files.length} files`);

    const paths = files.map((file) => file.slice(root.length));
    const outside = paths.filter((path) => !path.startsWith('/flagpost/') && !/^\/lib(64)?\//.test(path));
    expect(outside.toSorted()).toEqual([
      '/etc/group',
      '/etc/nsswitch.conf',
      '/etc/passwd',
      '/usr/local/bin/node',
    ]);
    expect(new Set(paths.flatMap((path) => /^\/flagpost\/([^/]+)/.exec(path)?.[1] ?? []))).toEqual(
      new Set(['dist', 'node_modules', 'package.json']),
    );
    expect(paths.filter((path) => path.includes('node_modules/typescript/'))).toEqual([]);
    expect(megabytes).toBeLessThan(200);
  });

  test('runs as nobody in particular, out of a root that is read-only', async () => {
    const tenant = await aTenant(await sharedControlPlane());
    receiver = await startReceiver();
    // Before the root is read-only; a Pod has a volume.
    await writeFile(join(root, 'kubeconfig'), await readFile(operatorKubeconfig(tenant.cluster)), {
      mode: 0o644,
    });
    const readOnly = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0"';
    const script = `${readOnly} && exec chroot --userspec=65532:65532 "$0" /usr/local/bin/node /flagpost/dist/main.js "$@"`;
    operator = await startOperatorProcess({
      kubeconfig: '/kubeconfig',
      namespaces: [tenant.namespace],
      program: ['unshare', '--mount', 'sh', '-c', script, root],
    });
    await tenant.createEndpoint('flag-cache', { url: receiver.origin });
    await tenant.createEvent('butter-bar');
    await tenant.eventReason('butter-bar', 'AllDelivered');
    expect(await operator.stop()).toBe(0);
  }, 60_000);
});
