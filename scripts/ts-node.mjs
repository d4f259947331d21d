// node --no-experimental-strip-types --import ./scripts/ts-node.mjs <script.ts>
// runs TypeScript through ts-node, its types checked: the whole program at once, before any of it runs. ts-node's own
// check starts anew with each file that is loaded, which took four times as long for the operator, and what it throws
// loses its text on the way to the main thread; as `ts-node --esm` it checks nothing, as Node's own type stripping wins.
import { register } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

function raise({ messageText }) {
  throw new Error(ts.flattenDiagnosticMessageText(messageText, '\n'));
}

/** What doesn't fit in a script and in all that it imports, to be read by a person; '' where all fits. */
function typeErrors(script) {
  const { options, errors } = ts.getParsedCommandLineOfConfigFile(
    join(root, 'tsconfig.json'),
    {
      // What was found to fit is remembered until it changes.
      incremental: true,
      tsBuildInfoFile: join(
        root,
        'node_modules/.cache/flagpost',
        `${encodeURIComponent(script)}.tsbuildinfo`,
      ),
    },
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: raise },
  );
  const program = ts.createIncrementalProgram({ rootNames: [script], options });
  const found = [...errors, ...program.getSyntacticDiagnostics(), ...program.getSemanticDiagnostics()];
  program.emit();
  const format = process.stderr.isTTY ? ts.formatDiagnosticsWithColorAndContext : ts.formatDiagnostics;
  return format(found, {
    getCanonicalFileName: (name) => name,
    getCurrentDirectory: () => root,
    getNewLine: () => '\n',
  });
}

const text = typeErrors(process.argv[1]);
if (text !== '') {
  process.stderr.write(text);
  process.exit(1);
}
register('ts-node/esm/transpile-only', import.meta.url);
