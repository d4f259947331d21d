import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { NODE_PORTS, PRIVATE, REFUSED_IPV4, REFUSED_IPV6 } from '../../src/http/addressRanges.ts';
import { holds, parseAddress, parseCidr } from '../../src/http/cidr.ts';
import { deployPath, kustomize } from '../support/kustomize.ts';

const block = z.object({
  ipBlock: z.object({ cidr: z.string(), except: z.array(z.string()).default([]) }),
});
const ports = z.array(
  z.object({
    protocol: z.string().default('TCP'),
    port: z.number().default(1),
    endPort: z.number().optional(),
  }),
);
const policy = z.object({
  spec: z.object({ egress: z.array(z.object({ to: z.array(block).optional(), ports })) }),
});

const { egress } = policy.parse(
  kustomize(deployPath('base')).find(({ kind }) => kind === 'NetworkPolicy'),
).spec;

/** Whether a network that enforces the policy lets the operator connect there. */
function isOpen(address: string, port: number, protocol = 'TCP'): boolean {
  const parsed = parseAddress(address);
  if (parsed === undefined) throw new Error(`${address} is no address`);
  const isIn = (cidr: string) => holds(parseCidr(cidr), parsed);
  return egress.some(
    (rule) =>
      rule.ports.some(
        (range) =>
          range.protocol === protocol &&
          port >= range.port &&
          // Without a port it is all of them.
          port <= (range.endPort ?? (range.port === 1 ? 65_535 : range.port)),
      ) &&
      (rule.to?.some(({ ipBlock }) => isIn(ipBlock.cidr) && !ipBlock.except.some(isIn)) ?? true),
  );
}

test.each([...REFUSED_IPV4, ...REFUSED_IPV6].map(({ network }) => network.toString()))(
  '%s, which the guard refuses, is closed',
  (address) => {
    expect(isOpen(address, 443)).toBe(false);
  },
);

test.each(PRIVATE.map(({ network }) => network.toString()))(
  'a receiver at %s is reached, on all ports but those of nodes',
  (address) => {
    const tried = [1, 443, 8080, 65_535, ...[...NODE_PORTS].flatMap((port) => [port - 1, port, port + 1])];
    const closed = tried.filter((port) => !isOpen(address, port));
    expect(new Set(closed)).toEqual(NODE_PORTS);
  },
);

test.each(['8.8.8.8', '2606:4700::1111', '64:ff9b::808:808'])('a receiver at %s is reached', (address) => {
  expect([1, 443, 10_250, 65_535].map((port) => isOpen(address, port))).toEqual([true, true, true, true]);
});

test.each(['fe80::1', '::1', 'ff02::1', '4000::1'])(
  '%s, which is no address of a receiver, is closed',
  (address) => {
    expect(isOpen(address, 443)).toBe(false);
  },
);

test('DNS is reached wherever it is', () => {
  const answers = ['169.254.20.10', '10.0.0.10', 'fd00::10'].flatMap((address) =>
    ['UDP', 'TCP'].map((protocol) => isOpen(address, 53, protocol)),
  );
  expect(new Set(answers)).toEqual(new Set([true]));
  expect(isOpen('10.0.0.10', 123, 'UDP')).toBe(false);
});
