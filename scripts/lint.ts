import { forbiddenImports, importCycles } from '../test/structure/arrows.ts';
import { readSources } from '../test/structure/sources.ts';
import { runTool } from './runTool.ts';

const status = await runTool('oxlint', ['--type-aware', '--deny-warnings']);
const sources = readSources();
const wrong = [...forbiddenImports(sources), ...importCycles(sources).map((cycle) => `cycle: ${cycle}`)];
for (const sentence of wrong) console.error(sentence);
process.exitCode = wrong.length > 0 ? 1 : status;
