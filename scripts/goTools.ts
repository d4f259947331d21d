// Gets the programs with which the tests try deploy/, where they are missing and Go is there.
import { ensureGoTool, goTools, type GoTool } from '../test/controlplane/goTools.ts';

// An exit of our own lets the exit handlers take away what is half done.
for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.once(signal, () => process.exit(status));
}

for (const tool of Object.keys(goTools) as GoTool[]) {
  const path = await ensureGoTool(tool);
  console.log(path ?? `${tool}: Go, which would build it, is not installed; its tests are skipped`);
}
