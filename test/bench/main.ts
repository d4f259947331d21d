// `npm run bench`: what Flagpost costs beside a bare loop, measured in turns on a control plane of its own.
import { startControlPlane } from '../support/controlPlane.ts';
import { installCrds } from '../support/installCrds.ts';
import { runTool } from '../../scripts/runTool.ts';
import { openBench, type Bench } from './bench.ts';
import { measureDelivering, type Delivering } from './delivering.ts';
import { judge, type Figure } from './figure.ts';
import { measureBesideHanging } from './hanging.ts';
import { measureHolding } from './holding.ts';
import { parseOptions, type Options } from './options.ts';
import { table } from './table.ts';

/** Measures both once a round, each first in every second one, so that what changes with time hits both alike. */
async function inTurns<T>(
  what: string,
  rounds: number,
  reference: () => Promise<T>,
  flagpost: () => Promise<T>,
): Promise<{ readonly reference: readonly T[]; readonly flagpost: readonly T[] }> {
  const measured = { reference: [] as T[], flagpost: [] as T[] };
  for (let round = 0; round < rounds; round += 1) {
    console.error(`${what}: round ${round + 1} of ${rounds} …`);
    const one = async () => void measured.reference.push(await reference());
    const other = async () => void measured.flagpost.push(await flagpost());
    for (const measure of round % 2 === 0 ? [one, other] : [other, one]) await measure();
  }
  return measured;
}

async function measure(bench: Bench, { rounds, events, pending }: Options): Promise<Figure[]> {
  const delivering = await inTurns(
    'delivering',
    rounds,
    () => measureDelivering(bench, 'bare loop', events),
    () => measureDelivering(bench, 'Flagpost', events),
  );
  const hanging = await inTurns(
    'beside an endpoint that hangs',
    rounds,
    () => measureBesideHanging(bench, false, Math.ceil(events / 2)),
    () => measureBesideHanging(bench, true, Math.ceil(events / 2)),
  );
  console.error(`${pending} pending deliveries …`);
  const { resident, peak, heap } = await measureHolding(bench, pending);

  const beside = (key: keyof Delivering) => ({
    reference: delivering.reference.map((round) => round[key]),
    flagpost: delivering.flagpost.map((round) => round[key]),
  });
  return [
    {
      name: 'events/s, delivered and recorded',
      ...beside('rate'),
      target: { of: 'ratio', is: 'at least', bound: 0.95 },
    },
    {
      name: 'CPU of an event, ms',
      ...beside('cpuPerEvent'),
      target: { of: 'ratio', is: 'at most', bound: 1.3 },
    },
    {
      name: 'create to receiver at 25 events/s, p50, ms',
      ...beside('p50'),
      target: { of: 'difference', is: 'at most', bound: 3 },
    },
    {
      name: 'create to receiver at 25 events/s, p99, ms',
      ...beside('p99'),
      target: { of: 'difference', is: 'at most', bound: 15 },
    },
    {
      name: 'healthy deliveries/s beside a hanging endpoint *',
      ...hanging,
      target: { of: 'ratio', is: 'at least', bound: 0.95 },
    },
    {
      name: `resident memory with ${pending} pending, MB`,
      flagpost: [resident],
      target: { of: 'value', is: 'at most', bound: 200 },
    },
    { name: '  its peak, MB', flagpost: [peak] },
    { name: '  heap in use, MB', flagpost: [heap] },
  ];
}

async function run(options: Options): Promise<number> {
  if ((await runTool('tsc', ['-p', 'src'])) !== 0) throw new Error('the operator can not be built');
  await using cleanup = new AsyncDisposableStack();
  const cluster = cleanup.adopt(await startControlPlane(), (started) => started.stop());
  await installCrds(cluster);
  const bench = cleanup.adopt(await openBench(cluster), (opened) => opened.close());
  const figures = await measure(bench, options);
  console.log(`
${table(figures)}

Median (lowest..highest) of ${options.rounds} rounds; compared within each round. The reference is a bare loop
(test/bench/bareLoop.ts); * there it is Flagpost itself, without the endpoint that hangs.`);
  return options.check && figures.some((figure) => judge(figure)?.ok === false) ? 1 : 0;
}

process.exitCode = await run(parseOptions(process.argv.slice(2)));
