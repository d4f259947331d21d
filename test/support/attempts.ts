import { afterEach } from '@jest/globals';
import { createAddressGuard, type ApiServer } from '../../src/http/addressGuard.ts';
import { parseCidr } from '../../src/http/cidr.ts';
import { createLookup, type Resolve } from '../../src/http/lookups.ts';
import { createSender, type AttemptRequest, type Sender } from '../../src/http/sender.ts';
import { startRawReceiver, type RawReceiver, type RawReceiverOptions } from './rawReceiver.ts';
import { systemClock, type Clock } from '../../src/runtime/clock.ts';

export interface SenderFixture {
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
  readonly apiServers?: () => readonly ApiServer[];
  readonly resolve?: Resolve;
  readonly clock?: Clock;
  readonly mayAct?: () => boolean;
}

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** A sender that may reach loopback, until the test ends; its names are those that `resolve` knows. */
export function sending(fixture: SenderFixture = {}): Sender {
  const { allow = ['127.0.0.0/8'], deny = [], apiServers = () => [], clock = systemClock, mayAct } = fixture;
  const { resolve = () => Promise.reject(Object.assign(new Error('no names here'), { code: 'ENOTFOUND' })) } =
    fixture;
  const guard = createAddressGuard({ allow: allow.map(parseCidr), deny: deny.map(parseCidr), apiServers });
  const sender = createSender({ guard, clock, mayAct, lookup: createLookup(resolve) });
  cleanups.push(() => sender.close());
  return sender;
}

/** A receiver, until the test ends. */
export async function receiving(options: RawReceiverOptions = {}): Promise<RawReceiver> {
  const receiver = await startRawReceiver(options);
  cleanups.push(() => receiver.close());
  return receiver;
}

/** The receiver's URL, with something in it that must not be shown. */
export function urlOf({ port }: RawReceiver, { host = '127.0.0.1', scheme = 'http' } = {}): string {
  return `${scheme}://${host}:${port}/hooks/flags?token=1`;
}

/** One attempt at the URL. */
export function anAttempt(url: string, changes: Partial<Omit<AttemptRequest, 'url'>> = {}): AttemptRequest {
  return {
    url: new URL(url),
    namespace: 'shop',
    headers: [['content-type', 'application/json']],
    body: Buffer.from('{"data":1}'),
    timeoutMilliseconds: 10_000,
    signal: new AbortController().signal,
    ...changes,
  };
}

/** What getaddrinfo would say. */
export function addresses(...texts: readonly string[]): { address: string; family: number }[] {
  return texts.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
}
