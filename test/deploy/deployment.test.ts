import { expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { parseCommand } from '../../src/config.ts';
import { deployed } from '../support/deployed.ts';

const { version } = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')));
const { spec } = deployed('Deployment');
const pod = spec.template.spec;
const [container] = pod.containers;

function configOf(args: readonly string[]) {
  const command = parseCommand(args, {});
  if (!('run' in command)) throw new Error('the arguments do not run the operator');
  return command.run;
}
const config = configOf(container.args);

test('the image is the one of this version', () => {
  expect(container.image).toBe(`flagpost:${version}`);
});

test('the Pod is given longer to end than the operator takes', () => {
  expect(pod.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(config.shutdownGraceSeconds + 5);
});

test('never do two operators work at once', () => {
  expect(config.leaderElect).toBe(true);
});

test('the ports are those that the operator serves, on all addresses', () => {
  const { metricsBindAddress, healthProbeBindAddress } = config;
  const served = { metrics: metricsBindAddress, health: healthProbeBindAddress };
  expect(container.ports.map(({ name, containerPort }) => [name, containerPort])).toEqual(
    Object.entries(served).map(([name, address]) => [name, address?.port]),
  );
  expect(Object.values(served).map((address) => address?.host)).toEqual([undefined, undefined]);
});

test('the probes ask the port that answers them', () => {
  expect(container.livenessProbe.httpGet).toEqual({ path: '/healthz', port: 'health' });
  expect(container.readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'health' });
});
