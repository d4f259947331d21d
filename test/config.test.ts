import { describe, expect, test } from '@jest/globals';
import { helpText, parseCommand, UsageError, type Config } from '../src/config.ts';
import { parseCidr } from '../src/http/cidr.ts';

function configOf(args: readonly string[], env: NodeJS.ProcessEnv = {}): Config {
  const command = parseCommand(args, env);
  if ('run' in command) return command.run;
  throw new Error(`is to print ${command.print}`);
}

const DEFAULTS: Config = {
  namespaces: [],
  leaderElect: false,
  leaderElectionNamespace: undefined,
  allowCidrs: [],
  denyCidrs: [],
  maxInFlight: 256,
  ttlSucceededSeconds: 86_400,
  ttlFailedSeconds: 604_800,
  maxFinishedPerNamespace: 10_000,
  metricsBindAddress: { port: 8080 },
  healthProbeBindAddress: { port: 8081 },
  logLevel: 'info',
  logFormat: 'json',
  shutdownGraceSeconds: 35,
};

describe('the configuration', () => {
  test("without flags and variables is the contract's defaults", () => {
    expect(configOf([])).toEqual(DEFAULTS);
  });

  type Row = [flag: string, variable: string, key: keyof Config, text: string, want: unknown, other: string];
  const ROWS: Row[] = [
    ['--namespace', 'FLAGPOST_NAMESPACE', 'namespaces', 'shop', ['shop'], 'bank'],
    ['--leader-elect', 'FLAGPOST_LEADER_ELECT', 'leaderElect', 'true', true, 'false'],
    [
      '--leader-election-namespace',
      'FLAGPOST_LEADER_ELECTION_NAMESPACE',
      'leaderElectionNamespace',
      'flagpost-system',
      'flagpost-system',
      'shop',
    ],
    ['--allow-cidr', 'FLAGPOST_ALLOW_CIDR', 'allowCidrs', '10.0.0.0/8', [parseCidr('10.0.0.0/8')], '::1/128'],
    ['--deny-cidr', 'FLAGPOST_DENY_CIDR', 'denyCidrs', '::1/128', [parseCidr('::1/128')], '10.0.0.0/8'],
    ['--max-in-flight', 'FLAGPOST_MAX_IN_FLIGHT', 'maxInFlight', '7', 7, '8'],
    ['--ttl-succeeded-seconds', 'FLAGPOST_TTL_SUCCEEDED_SECONDS', 'ttlSucceededSeconds', '0', 0, '1'],
    ['--ttl-failed-seconds', 'FLAGPOST_TTL_FAILED_SECONDS', 'ttlFailedSeconds', '-1', -1, '2'],
    [
      '--max-finished-per-namespace',
      'FLAGPOST_MAX_FINISHED_PER_NAMESPACE',
      'maxFinishedPerNamespace',
      '-1',
      -1,
      '5',
    ],
    [
      '--metrics-bind-address',
      'FLAGPOST_METRICS_BIND_ADDRESS',
      'metricsBindAddress',
      '[::1]:9090',
      { host: '::1', port: 9090 },
      ':1',
    ],
    [
      '--health-probe-bind-address',
      'FLAGPOST_HEALTH_PROBE_BIND_ADDRESS',
      'healthProbeBindAddress',
      '0',
      undefined,
      ':1',
    ],
    ['--log-level', 'FLAGPOST_LOG_LEVEL', 'logLevel', 'debug', 'debug', 'trace'],
    ['--log-format', 'FLAGPOST_LOG_FORMAT', 'logFormat', 'pretty', 'pretty', 'json'],
    ['--shutdown-grace-seconds', 'FLAGPOST_SHUTDOWN_GRACE_SECONDS', 'shutdownGraceSeconds', '0', 0, '1'],
  ];

  test('has a row here for each of its fields', () => {
    expect(ROWS.map(([, , key]) => key).toSorted()).toEqual(Object.keys(DEFAULTS).toSorted());
  });

  test.each(ROWS)('takes %s and %s; the flag wins', (flag, variable, key, text, want, other) => {
    const apart = key === 'leaderElect' ? [flag] : [flag, text];
    expect(configOf(apart)).toEqual({ ...DEFAULTS, [key]: want });
    expect(configOf([`${flag}=${text}`])).toEqual({ ...DEFAULTS, [key]: want });
    expect(configOf([], { [variable]: text })).toEqual({ ...DEFAULTS, [key]: want });
    expect(configOf(apart, { [variable]: other })).toEqual({ ...DEFAULTS, [key]: want });
  });

  test.each(ROWS)('--help tells about %s', (flag) => {
    expect(helpText()).toMatch(new RegExp(`^  ${flag} .*\\((default .+|repeatable)\\)$`, 'm'));
  });

  test.each<[args: string[], env: NodeJS.ProcessEnv, want: string[]]>([
    [['--namespace', 'shop', '--namespace', 'bank'], {}, ['shop', 'bank']],
    [[], { FLAGPOST_NAMESPACE: 'shop,bank' }, ['shop', 'bank']],
    [[], { FLAGPOST_NAMESPACE: ' shop , bank,' }, ['shop', 'bank']],
    [[], { FLAGPOST_NAMESPACE: '' }, []],
    [['--namespace', 'shop', '--namespace', 'shop'], {}, ['shop']],
    [['--namespace', 'shop'], { FLAGPOST_NAMESPACE: 'bank,mine' }, ['shop']],
    [['--namespace', 'a'.repeat(63)], {}, ['a'.repeat(63)]],
    [['--namespace', '0-9'], {}, ['0-9']],
  ])('%j with %j are the namespaces %j', (args, env, want) => {
    expect(configOf(args, env).namespaces).toEqual(want);
  });

  test('a switch is taken back by false, whatever the variable says', () => {
    expect(configOf(['--leader-elect=false'], { FLAGPOST_LEADER_ELECT: 'true' }).leaderElect).toBe(false);
  });

  test('of a flag that is given twice the last one counts', () => {
    expect(configOf(['--max-in-flight', '1', '--max-in-flight', '2']).maxInFlight).toBe(2);
  });

  test.each<[flag: string, text: string, key: keyof Config, want: number]>([
    ['--max-in-flight', '1', 'maxInFlight', 1],
    ['--max-in-flight', '100000', 'maxInFlight', 100_000],
    ['--ttl-succeeded-seconds', '-1', 'ttlSucceededSeconds', -1],
    ['--ttl-succeeded-seconds', '2147483647', 'ttlSucceededSeconds', 2 ** 31 - 1],
    ['--ttl-failed-seconds', '0', 'ttlFailedSeconds', 0],
    ['--max-finished-per-namespace', '0', 'maxFinishedPerNamespace', 0],
    ['--shutdown-grace-seconds', '86400', 'shutdownGraceSeconds', 86_400],
  ])('%s takes %s, a boundary', (flag, text, key, want) => {
    expect(configOf([flag, text])[key]).toBe(want);
  });

  test('other variables are none of its business', () => {
    expect(configOf([], { FLAGPOST_NOTHING: 'x', MAX_IN_FLIGHT: '3' })).toEqual(DEFAULTS);
  });
});

describe('--help and --version', () => {
  test.each<[args: string[], env: NodeJS.ProcessEnv, want: object]>([
    [['--help'], {}, { print: 'help' }],
    [['--version'], {}, { print: 'version' }],
    [['--version', '--help'], {}, { print: 'help' }],
    [['--max-in-flight', 'many', '--help'], {}, { print: 'help' }],
    [['--version'], { FLAGPOST_MAX_IN_FLIGHT: 'many' }, { print: 'version' }],
  ])('%j with %j answers at once, whatever else is wrong', (args, env, want) => {
    expect(parseCommand(args, env)).toEqual(want);
  });
});

const LEVELS = 'trace, debug, info, warn, error, fatal, silent';
const WRITE_CIDR = 'is not a CIDR: write an address and a prefix length, such as 10.0.0.0/8';
const WRITE_ADDRESS =
  'is not a bind address: write host:port, such as :8081 or 127.0.0.1:8081, or 0 for none';

describe('what can not be used is refused in one line', () => {
  test.each<[args: string[], message: string]>([
    [['--namespace', 'Shop'], '--namespace: "Shop" is not the name of a namespace'],
    [['--namespace', 'shop', '--namespace', 'a,b'], '--namespace: "a,b" is not the name of a namespace'],
    [['--namespace', ''], '--namespace: "" is not the name of a namespace'],
    [['--namespace=-a'], '--namespace: "-a" is not the name of a namespace'],
    [['--namespace', 'a-'], '--namespace: "a-" is not the name of a namespace'],
    [['--namespace', 'a'.repeat(64)], `--namespace: "${'a'.repeat(64)}" is not the name of a namespace`],
    [['--namespace', 'a\nb'], '--namespace: "a\\nb" is not the name of a namespace'],
    [['--allow-cidr', '10.0.0.1'], `--allow-cidr: "10.0.0.1" ${WRITE_CIDR}`],
    [
      ['--deny-cidr', '10.0.0.0/33'],
      '--deny-cidr: "10.0.0.0/33" is not a CIDR: the prefix length is at most 32 here',
    ],
    [['--max-in-flight', '0'], '--max-in-flight: must be from 1 to 100000'],
    [['--max-in-flight', '100001'], '--max-in-flight: must be from 1 to 100000'],
    [['--max-in-flight=-1'], '--max-in-flight: must be from 1 to 100000'],
    [['--max-in-flight', '-1'], '--max-in-flight: must be from 1 to 100000'],
    [['--ttl-succeeded-seconds', '-2'], '--ttl-succeeded-seconds: must be from -1 to 2147483647'],
    [['--ttl-failed-seconds', '2147483648'], '--ttl-failed-seconds: must be from -1 to 2147483647'],
    [['--max-finished-per-namespace=-2'], '--max-finished-per-namespace: must be from -1 to 2147483647'],
    [['--ttl-failed-seconds', '-'], '--ttl-failed-seconds: must be an integer'],
    [['--ttl-failed-seconds', '1', '-1'], "Unknown option '-1'; see --help"],
    [['--max-in-flight', '1.5'], '--max-in-flight: must be an integer'],
    [['--max-in-flight', '1e3'], '--max-in-flight: must be an integer'],
    [['--max-in-flight', ' 1'], '--max-in-flight: must be an integer'],
    [['--max-in-flight', ''], '--max-in-flight: must be an integer'],
    [['--max-in-flight', '3', '--max-in-flight', 'x'], '--max-in-flight: must be an integer'],
    [['--metrics-bind-address', '8080'], `--metrics-bind-address: "8080" ${WRITE_ADDRESS}`],
    [['--health-probe-bind-address', ':65536'], `--health-probe-bind-address: ":65536" ${WRITE_ADDRESS}`],
    [['--log-level', 'INFO'], `--log-level: must be one of ${LEVELS}`],
    [['--log-format', 'text'], '--log-format: must be one of json, pretty'],
    [['--shutdown-grace-seconds', '86401'], '--shutdown-grace-seconds: must be from 0 to 86400'],
    [['--shutdown-grace-seconds=-1'], '--shutdown-grace-seconds: must be from 0 to 86400'],
    [['--bogus'], "Unknown option '--bogus'; see --help"],
    [['--bogus', '--help'], "Unknown option '--bogus'; see --help"],
    [['--no-help'], "Unknown option '--no-help'; see --help"],
    [['-n', 'shop'], "Unknown option '-n'; see --help"],
    [['--leader-elect=yes'], '--leader-elect: must be true or false'],
    [
      ['--leader-elect', 'true'],
      "Unexpected argument 'true'. This command does not take positional arguments; see --help",
    ],
    [['--no-leader-elect'], "Unknown option '--no-leader-elect'; see --help"],
    [['--leader-election-namespace', 'A'], '--leader-election-namespace: "A" is not the name of a namespace'],
    [['--max-in-flight'], "Option '--max-in-flight <value>' argument missing; see --help"],
    [['--max-in-flight', '--help'], "Option '--max-in-flight' argument is ambiguous; see --help"],
    [['--help=yes'], "Option '--help' does not take an argument; see --help"],
    [['start'], "Unexpected argument 'start'. This command does not take positional arguments; see --help"],
    [['--', 'x'], "Unexpected argument 'x'. This command does not take positional arguments; see --help"],
  ])('%j', (args, message) => {
    expect(() => parseCommand(args, {})).toThrow(new UsageError(message));
    expect(message).not.toContain('\n');
  });

  test.each<[variable: string, text: string, message: string]>([
    ['FLAGPOST_NAMESPACE', 'shop, Bank', 'FLAGPOST_NAMESPACE: "Bank" is not the name of a namespace'],
    ['FLAGPOST_ALLOW_CIDR', '10.0.0.0/8,x', `FLAGPOST_ALLOW_CIDR: "x" ${WRITE_CIDR}`],
    ['FLAGPOST_DENY_CIDR', '10.0.0.0 /8', `FLAGPOST_DENY_CIDR: "10.0.0.0 /8" ${WRITE_CIDR}`],
    ['FLAGPOST_LEADER_ELECT', '1', 'FLAGPOST_LEADER_ELECT: must be true or false'],
    ['FLAGPOST_MAX_IN_FLIGHT', '', 'FLAGPOST_MAX_IN_FLIGHT: must be an integer'],
    ['FLAGPOST_METRICS_BIND_ADDRESS', 'x', `FLAGPOST_METRICS_BIND_ADDRESS: "x" ${WRITE_ADDRESS}`],
    ['FLAGPOST_HEALTH_PROBE_BIND_ADDRESS', '', `FLAGPOST_HEALTH_PROBE_BIND_ADDRESS: "" ${WRITE_ADDRESS}`],
    ['FLAGPOST_LOG_LEVEL', 'loud', `FLAGPOST_LOG_LEVEL: must be one of ${LEVELS}`],
    ['FLAGPOST_LOG_FORMAT', '', 'FLAGPOST_LOG_FORMAT: must be one of json, pretty'],
    ['FLAGPOST_SHUTDOWN_GRACE_SECONDS', 'x', 'FLAGPOST_SHUTDOWN_GRACE_SECONDS: must be an integer'],
  ])('%s=%s', (variable, text, message) => {
    expect(() => parseCommand([], { [variable]: text })).toThrow(new UsageError(message));
  });

  test('a variable that is wrong does not count where the flag is given', () => {
    expect(configOf(['--max-in-flight', '3'], { FLAGPOST_MAX_IN_FLIGHT: 'x' }).maxInFlight).toBe(3);
  });
});
