// What every npm script starts with, on whatever Node ≥ 18 there is:
//   exec node scripts/bootstrap.mjs [flags of Node] <a script | a tool of node_modules/.bin> [arguments]
// installs what the lock file names where it isn't there, then runs the rest with the pinned Node, a .ts file through
// ts-node. Not `node bootstrap.mjs && node …`: the shell has already looked up `node` then and keeps to it. `exec`
// because npm passes a signal to the shell only.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, 'node_modules');
const pinnedNode = join(modules, 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');

const throughTsNode = [
  '--no-experimental-strip-types',
  `--import=${pathToFileURL(join(root, 'scripts', 'ts-node.mjs')).href}`,
  // ts-node's, from its use of fs.Stats.
  '--disable-warning=DEP0180',
];

function readPackages(file) {
  return JSON.parse(readFileSync(file, 'utf8')).packages;
}

/** npm writes its own lock file into node_modules last, so an interrupted install has none. */
function isInstalled() {
  const installedLock = join(modules, '.package-lock.json');
  if (!existsSync(pinnedNode) || !existsSync(installedLock)) return false;
  const installed = readPackages(installedLock);
  return Object.entries(readPackages(join(root, 'package-lock.json'))).every(([path, wanted]) => {
    if (path === '') return true;
    const found = installed[path];
    // A package for another platform is optional and stays away.
    if (!found) return wanted.optional === true;
    return found.version === wanted.version && found.integrity === wanted.integrity;
  });
}

function install() {
  process.stderr.write('installing what package-lock.json names …\n');
  const args = ['ci', '--include=dev', '--loglevel=error'];
  const npmCli = process.env.npm_execpath;
  const [command, ...first] = npmCli?.endsWith('.js') ? [process.execPath, npmCli] : ['npm'];
  // stdout belongs to what runs afterwards.
  const { status, error } = spawnSync(command, [...first, ...args], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32' && command === 'npm',
  });
  if (status === 0 && isInstalled()) return;
  const reason = error?.message ?? (status === 0 ? 'the pinned Node is missing' : `ended with ${status}`);
  process.stderr.write(
    `npm ci: ${reason}; the npm package "node" needs its install script (no --ignore-scripts)\n`,
  );
  process.exit(1);
}

function run(args) {
  const bin = join(modules, '.bin');
  const env = {
    ...process.env,
    PATH: `${bin}${delimiter}${process.env.PATH ?? ''}`,
    // Names that never answer hold a thread each, in what these scripts start too.
    UV_THREADPOOL_SIZE: process.env.UV_THREADPOOL_SIZE ?? '64',
  };
  const program = args.find((arg) => !arg.startsWith('-')) ?? '';
  const [command, commandArgs] = /\.[cm]?[jt]s$/.test(program)
    ? [pinnedNode, program.endsWith('.ts') ? [...throughTsNode, ...args] : args]
    : [join(bin, program), args.slice(1)];
  const child = spawn(command, commandArgs, { cwd: root, env, stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  });
  child.on('exit', (status, signal) => process.exit(status ?? 128 + constants.signals[signal]));
}

if (!isInstalled()) install();
run(process.argv.slice(2));
