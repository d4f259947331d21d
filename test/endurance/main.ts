// `npm run endurance NAME…`: what takes too long, or too much, for a test, measured on a control plane of its own.
import { parseArgs } from 'node:util';
import { runTool } from '../../scripts/runTool.ts';
import { startControlPlane, type ControlPlane } from '../support/controlPlane.ts';
import { installCrds } from '../support/installCrds.ts';
import { measureChurn, type Held } from './churn.ts';
import { measureCrowd } from './crowd.ts';
import { measureLarge } from './large.ts';
import { measureQuiet } from './quiet.ts';
import { measureRestart } from './restart.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    /** Of `churn` and `quiet`. */
    minutes: { type: 'string', default: '30' },
    /** As a part of all that is put into the API server, such as 0.1. */
    scale: { type: 'string', default: '1' },
  },
});
const minutes = Number(values.minutes);
const scaled = (count: number) => Math.ceil(count * Number(values.scale));

const MEASUREMENTS: Readonly<Record<string, (controlPlane: ControlPlane) => Promise<readonly object[]>>> = {
  restart: (controlPlane) => measureRestart(controlPlane, scaled(50_000), scaled(10_000), 3),
  large: async (controlPlane) => [await measureLarge(controlPlane, scaled(1500))],
  crowd: (controlPlane) => measureCrowd(controlPlane, scaled(10_000)),
  quiet: async (controlPlane) => [
    await measureQuiet(controlPlane, { endpoints: scaled(1000), secrets: 0, minutes }),
    await measureQuiet(controlPlane, { endpoints: scaled(1000), secrets: scaled(1000), minutes }),
  ],
  churn: async (controlPlane) => {
    const rows: Held[] = [];
    await measureChurn(controlPlane, minutes, Math.max(1, minutes / 10), (held) => {
      console.error(JSON.stringify(held));
      rows.push(held);
    });
    return rows;
  },
};

for (const name of positionals) {
  const measure = MEASUREMENTS[name];
  if (!measure) throw new Error(`${name} is none of ${Object.keys(MEASUREMENTS).join(', ')}`);
  if ((await runTool('tsc', ['-p', 'src'])) !== 0) throw new Error('the operator can not be built');
  // One for each: what an earlier one has left behind would cost a later one.
  await using cleanup = new AsyncDisposableStack();
  const controlPlane = cleanup.adopt(await startControlPlane(), (started) => started.stop());
  await installCrds(controlPlane);
  console.log(name);
  console.table(await measure(controlPlane));
}
