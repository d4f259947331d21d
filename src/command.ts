import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { helpText, parseCommand, UsageError, type Config } from './config.ts';
import type { BindAddress } from './http/bindAddress.ts';
import {
  startProbeServer,
  type ProbeAnswer,
  type ProbeServer,
  type ProbeServerOptions,
} from './http/probeServer.ts';
import { ConfigError } from './kube/config.ts';
import { startOperator, type Operator } from './operator.ts';
import { systemClock } from './runtime/clock.ts';
import { createLogger, errorFields, framesOf } from './telemetry/log.ts';

const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;

const manifest = z.object({ version: z.string() });
const { version } = manifest.parse(
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')),
);

/** Does what the command line asks for; where that is to work, it goes on until a signal ends the process. */
export async function runCommand(args: readonly string[], env: Readonly<NodeJS.ProcessEnv>): Promise<void> {
  try {
    const command = parseCommand(args, env);
    if ('run' in command) await run(command.run, env);
    else console.log(command.print === 'help' ? helpText() : version);
  } catch (error) {
    if (!(error instanceof UsageError) && !(error instanceof ConfigError)) throw error;
    console.error(`flagpost: ${error.message}`);
    process.exit(EXIT_USAGE);
  }
}

async function run(config: Config, env: Readonly<NodeJS.ProcessEnv>): Promise<void> {
  const logger = createLogger(config.logLevel, config.logFormat);
  // Half-dead is worse than dead: whatever nobody handles ends the process.
  const die = (error: unknown) => {
    logger.fatal({ ...errorFields(error), frames: framesOf(error) }, 'an error that nobody handles');
    process.exit(EXIT_FAILURE);
  };
  process.on('unhandledRejection', die);
  process.on('uncaughtException', die);

  const operator = startOperator({
    config,
    env,
    logger,
    version,
    clock: systemClock,
    random: Math.random,
    // At once, which ends the requests in flight too: whatever came after would come beside the new leader's.
    onLost: () => process.exit(EXIT_FAILURE),
  });
  const servers = await serve(config, operator);
  const [healthProbePort, metricsPort] = servers.map((server) => server?.port);
  logger.info({ version, healthProbePort, metricsPort }, 'started');

  let stopping = false;
  const stop = async (signal: NodeJS.Signals) => {
    // A second signal ends at once.
    if (stopping) process.exit(EXIT_FAILURE);
    stopping = true;
    logger.info({ signal }, 'stopping');
    await operator.stop(config.shutdownGraceSeconds * 1000);
    await Promise.all(servers.map(async (server) => server?.close()));
    logger.info('stopped');
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, (received) => void stop(received));
}

async function serve(
  config: Config,
  { metrics, notReady, stuck }: Operator,
): Promise<[healthProbe: ProbeServer | undefined, metrics: ProbeServer | undefined]> {
  const { metricsBindAddress, healthProbeBindAddress } = config;
  const { registry } = metrics;
  // An event loop that is stuck answers none of them.
  const routes = { '/healthz': async () => probed(stuck()), '/readyz': async () => probed(notReady()) };
  const metricsRoutes = {
    '/metrics': async () => ({
      status: 200,
      contentType: registry.contentType,
      body: await registry.metrics(),
    }),
  };
  return Promise.all([
    listen('--health-probe-bind-address', healthProbeBindAddress, routes),
    listen('--metrics-bind-address', metricsBindAddress, metricsRoutes),
  ]);
}

/** 200 where there is nothing to say. */
function probed(reasons: readonly string[]): ProbeAnswer {
  const contentType = 'text/plain; charset=utf-8';
  if (reasons.length === 0) return { status: 200, contentType, body: 'ok\n' };
  return { status: 503, contentType, body: `${reasons.join('\n')}\n` };
}

async function listen(
  flag: string,
  address: BindAddress | undefined,
  routes: ProbeServerOptions['routes'],
): Promise<ProbeServer | undefined> {
  if (!address) return undefined;
  try {
    return await startProbeServer({ address, routes });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    throw new UsageError(`${flag}: can not listen at ${address.host ?? ''}:${address.port}: ${code}`);
  }
}
