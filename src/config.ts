import { parseArgs } from 'node:util';
import { z } from 'zod';
import { parseCidr } from './http/cidr.ts';
import { parseBindAddress } from './http/bindAddress.ts';
import { LOG_FORMATS, LOG_LEVELS } from './telemetry/log.ts';

/** A flag or variable that can't be used; the message is one line that says which one and what is wrong with it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

interface Flag<S extends z.ZodType> {
  readonly name: string;
  /** What stands for the value in --help; empty where none need be given, which then means `true`. */
  readonly value: string;
  readonly help: string;
  /** Absent for a repeatable flag, whose default is none. */
  readonly fallback?: string;
  /** What --help calls the default, where that is not its text. */
  readonly fallbackName?: string;
  /** Of the value as text; of a repeatable flag, of all values. */
  readonly schema: S;
}

const namespaceName = z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, {
  error: ({ input }) => `${JSON.stringify(input)} is not the name of a namespace`,
});
const cidr = parsedBy(parseCidr);
const bindAddress = parsedBy(parseBindAddress);

const FLAGS = {
  namespaces: repeatable('namespace', 'NAME', namespaceName, 'a namespace to work in; without it, all'),
  leaderElect: single('leader-elect', '', 'false', boolean(), 'take the Lease before working'),
  leaderElectionNamespace: {
    ...single('leader-election-namespace', 'NAME', '', orNothing(namespaceName), 'where the Lease lives'),
    fallbackName: 'its own',
  },
  allowCidrs: repeatable('allow-cidr', 'CIDR', cidr, 'addresses that are freed from the address guard'),
  denyCidrs: repeatable('deny-cidr', 'CIDR', cidr, 'addresses that are refused; wins over --allow-cidr'),
  maxInFlight: single(
    'max-in-flight',
    'N',
    '256',
    integer(1, 100_000),
    'open requests to all receivers together',
  ),
  ttlSucceededSeconds: single(
    'ttl-succeeded-seconds',
    'N',
    '86400',
    integer(-1, 2 ** 31 - 1),
    'how long events are kept that have succeeded and do not say; -1 = for ever',
  ),
  ttlFailedSeconds: single(
    'ttl-failed-seconds',
    'N',
    '604800',
    integer(-1, 2 ** 31 - 1),
    'how long events are kept that have failed and do not say; -1 = for ever',
  ),
  maxFinishedPerNamespace: single(
    'max-finished-per-namespace',
    'N',
    '10000',
    integer(-1, 2 ** 31 - 1),
    'above it the oldest finished events that do not say how long they are kept go; -1 = no limit',
  ),
  metricsBindAddress: single(
    'metrics-bind-address',
    '[HOST]:PORT',
    ':8080',
    bindAddress,
    'where /metrics is served; 0 turns it off',
  ),
  healthProbeBindAddress: single(
    'health-probe-bind-address',
    '[HOST]:PORT',
    ':8081',
    bindAddress,
    'where /healthz and /readyz are served; 0 turns it off',
  ),
  logLevel: single('log-level', 'LEVEL', 'info', oneOf(LOG_LEVELS), LOG_LEVELS.join(', ')),
  logFormat: single('log-format', 'FORMAT', 'json', oneOf(LOG_FORMATS), LOG_FORMATS.join(' or ')),
  shutdownGraceSeconds: single(
    'shutdown-grace-seconds',
    'N',
    '35',
    integer(0, 86_400),
    'how long SIGTERM waits for attempts in flight',
  ),
} as const;

/** How the operator is to run. */
export type Config = ReturnType<typeof readConfig>;

/** What the command line asks for. */
export type Command = { readonly run: Config } | { readonly print: 'help' | 'version' };

/** Reads the flags, then the environment, then the defaults. Throws a UsageError. */
export function parseCommand(args: readonly string[], env: Readonly<NodeJS.ProcessEnv>): Command {
  const given = readArguments(args);
  if (given.help) return { print: 'help' };
  if (given.version) return { print: 'version' };
  return { run: readConfig(given.flags, env) };
}

/** The text of --help. */
export function helpText(): string {
  const rows = Object.values<Flag<z.ZodType>>(FLAGS).map(({ name, value, help, fallback, fallbackName }) => {
    const how = fallback === undefined ? 'repeatable' : `default ${fallbackName ?? fallback}`;
    return `  ${`--${name} ${value}`.padEnd(42)} ${help} (${how})`;
  });
  return [
    'Flagpost sends the FlagEvents of a cluster to its WebhookEndpoints.',
    '',
    'Usage: node dist/main.js [flags]',
    '',
    ...rows,
    `  ${'--help, --version'.padEnd(42)} print this, or the version, and exit`,
    '',
    'Each flag has an environment variable, such as FLAGPOST_MAX_IN_FLIGHT; repeatable ones take commas. The flag wins.',
    'The API server is found by KUBECONFIG, else ~/.kube/config, else as a Pod.',
  ].join('\n');
}

type GivenFlags = Partial<Record<string, readonly string[]>>;

function readArguments(args: readonly string[]): { help: boolean; version: boolean; flags: GivenFlags } {
  const options = Object.fromEntries(
    Object.values(FLAGS).map(({ name }) => [name, { type: 'string', multiple: true } as const]),
  );
  const switches = Object.values<Flag<z.ZodType>>(FLAGS).flatMap(({ name, value }) =>
    value === '' ? `--${name}` : [],
  );
  const spelledOut = args.map((arg) => (switches.includes(arg) ? `${arg}=true` : arg));
  const answered = { help: { type: 'boolean' }, version: { type: 'boolean' } } as const;
  try {
    const { values } = parseArgs({
      args: joinNegativeNumbers(spelledOut),
      options: { ...options, ...answered },
    });
    const { help = false, version = false, ...flags } = values;
    return { help, version, flags };
  } catch (error) {
    // What follows the first line or sentence is advice on quoting.
    const [sentence = ''] = (error as Error).message.split(/\.?\s*(?:To specify|Did you|\n)/);
    throw new UsageError(`${sentence}; see --help`);
  }
}

/** `--flag -1` as `--flag=-1`, since parseArgs takes `-1` for a flag. */
function joinNegativeNumbers(args: readonly string[]): string[] {
  return args.flatMap((arg, index) => {
    const [before = '', after = ''] = [args[index - 1], args[index + 1]];
    if (takesNumber(before, arg)) return [];
    return takesNumber(arg, after) ? `${arg}=${after}` : arg;
  });
}

function takesNumber(flag: string, value: string): boolean {
  return /^--[^=]+$/.test(flag) && /^-\d+$/.test(value);
}

function readConfig(given: GivenFlags, env: Readonly<NodeJS.ProcessEnv>) {
  const read = <S extends z.ZodType>({ name, schema, fallback }: Flag<S>): z.output<S> => {
    const variable = `FLAGPOST_${name.toUpperCase().replaceAll('-', '_')}`;
    const [source, texts] = given[name]
      ? [`--${name}`, given[name]]
      : [variable, fallback === undefined ? listIn(env[variable]) : [env[variable] ?? fallback]];
    const parsed = schema.safeParse(fallback === undefined ? texts : texts.at(-1));
    if (parsed.success) return parsed.data;
    throw new UsageError(`${source}: ${parsed.error.issues[0]?.message ?? 'is not valid'}`);
  };
  return {
    /** Empty: all. */
    namespaces: [...new Set(read(FLAGS.namespaces))],
    leaderElect: read(FLAGS.leaderElect),
    /** Absent: the operator's own. */
    leaderElectionNamespace: read(FLAGS.leaderElectionNamespace),
    allowCidrs: read(FLAGS.allowCidrs),
    denyCidrs: read(FLAGS.denyCidrs),
    maxInFlight: read(FLAGS.maxInFlight),
    ttlSucceededSeconds: read(FLAGS.ttlSucceededSeconds),
    ttlFailedSeconds: read(FLAGS.ttlFailedSeconds),
    maxFinishedPerNamespace: read(FLAGS.maxFinishedPerNamespace),
    metricsBindAddress: read(FLAGS.metricsBindAddress),
    healthProbeBindAddress: read(FLAGS.healthProbeBindAddress),
    logLevel: read(FLAGS.logLevel),
    logFormat: read(FLAGS.logFormat),
    shutdownGraceSeconds: read(FLAGS.shutdownGraceSeconds),
  } as const;
}

function listIn(text = ''): string[] {
  return text.split(',').flatMap((item) => item.trim() || []);
}

function single<S extends z.ZodType>(
  name: string,
  value: string,
  fallback: string,
  schema: S,
  help: string,
): Flag<S> {
  return { name, value, fallback, schema, help };
}

function repeatable<S extends z.ZodType>(
  name: string,
  value: string,
  schema: S,
  help: string,
): Flag<z.ZodArray<S>> {
  return { name, value, schema: z.array(schema), help };
}

function oneOf<const T extends readonly string[]>(values: T) {
  return z.enum(values, { error: `must be one of ${values.join(', ')}` });
}

function boolean() {
  return z.enum(['true', 'false'], { error: 'must be true or false' }).transform((text) => text === 'true');
}

/** Undefined where the text is empty. */
function orNothing<T extends z.ZodType>(schema: T) {
  return z.union([z.literal('').transform(() => undefined), schema]);
}

function integer(least: number, most: number) {
  return z
    .string()
    .regex(/^-?\d+$/, 'must be an integer')
    .transform(Number)
    .refine((number) => number >= least && number <= most, `must be from ${least} to ${most}`);
}

/** What a function makes of the text; an error that it throws says what is wrong. */
function parsedBy<T>(parse: (text: string) => T) {
  return z.string().transform((text, context): T => {
    try {
      return parse(text);
    } catch (error) {
      context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : 'is not valid' });
      return z.NEVER;
    }
  });
}
