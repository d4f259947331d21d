import './threadPool.ts';

const OLDEST_NODE = [22, 19];

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const [oldestMajor = 0, oldestMinor = 0] = OLDEST_NODE;
if (major < oldestMajor || (major === oldestMajor && minor < oldestMinor)) {
  console.error(`flagpost: needs Node ${OLDEST_NODE.join('.')} or later, and this is ${process.version}`);
  process.exit(2);
}

// Only now: what it imports can't even be linked by an older Node.
const { runCommand } = await import('./command.ts');
await runCommand(process.argv.slice(2), process.env);
