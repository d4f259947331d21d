import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { runTool } from './runTool.ts';

// tsc leaves alone what has lost its source.
rmSync(join(import.meta.dirname, '../dist'), { recursive: true, force: true });
process.exitCode = await runTool('tsc', ['-p', 'src']);
