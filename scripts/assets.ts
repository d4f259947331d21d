import { AssetsError, ensureAssets } from '../test/controlplane/assets.ts';

// An exit of our own lets the exit handlers take away what is half done.
for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  process.once(signal, () => process.exit(status));
}

try {
  process.stdout.write(`${await ensureAssets()}\n`);
} catch (error) {
  if (!(error instanceof AssetsError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
