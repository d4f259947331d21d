// `npm run soak`: 2,000 events to 50 receivers of bad manners over two minutes, and a check of what came of it. With
// --seed it plays what another run has played. What it starts ends with it, in whatever way.
import { parseArgs } from 'node:util';
import { randomScenario } from './scenario.ts';
import { soak } from './soak.ts';
import { summaryOf } from './summary.ts';
import { startControlPlane } from '../support/controlPlane.ts';
import { installCrds } from '../support/installCrds.ts';
import { aTenant } from '../support/tenant.ts';
import { buildOperator, startBuiltOperator } from '../../scripts/demo/builtOperator.ts';

const { values } = parseArgs({ options: { seed: { type: 'string', default: String(Date.now() % 1e6) } } });
const scenario = randomScenario({
  seed: Number(values.seed),
  endpoints: 50,
  events: 2000,
  milliseconds: 110_000,
  giveUpAfterSeconds: 60,
  maxDelaySeconds: 12,
});

await using cleanup = new AsyncDisposableStack();
console.log(`Seed ${values.seed}`);
const controlPlane = await startControlPlane();
cleanup.defer(() => controlPlane.stop());
await installCrds(controlPlane);
await buildOperator(new AbortController().signal);
const operator = await startBuiltOperator(controlPlane.kubeconfigPath);
cleanup.defer(() => operator.stop());

const startedAt = performance.now();
const { run, violations } = await soak(await aTenant(controlPlane), {
  scenario,
  receivers: 5,
  endsWithinMilliseconds: 300_000,
  onProgress: (created, unfinished) => {
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    console.log(`${seconds} s: ${created} events, ${unfinished} of them have not ended`);
  },
});

console.log(summaryOf(run).join('\n'));
for (const violation of violations) console.log(`✗ ${violation}`);
console.log(`\n${violations.length} violations; seed ${values.seed}`);
process.exitCode = violations.length > 0 ? 1 : 0;
