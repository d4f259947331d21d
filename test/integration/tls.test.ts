import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createAuthority } from '../support/certificates.ts';
import { labelled, matching } from '../support/addressing.ts';
import { aFlagUpdated } from '../support/eventSpec.ts';
import { startOperatorFor, type OperatorProcess } from '../support/operatorProcess.ts';
import { startReceiver, type Receiver, type ReceiverOptions } from '../support/receiver.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';
import { aTenant, type Tenant } from '../support/tenant.ts';
import { waitUntil } from '../support/waitUntil.ts';

let tenant: Tenant;
let operator: OperatorProcess;
const receivers: Receiver[] = [];

beforeAll(async () => {
  tenant = await aTenant(await sharedControlPlane());
  operator = await startOperatorFor(tenant, {
    env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' },
  });
}, 120_000);

afterAll(async () => {
  await Promise.all(receivers.map((receiver) => receiver.close()));
  expect(await operator?.stop()).toBe(0);
});

async function receiving(tls: ReceiverOptions['tls']): Promise<Receiver> {
  const receiver = await startReceiver({ tls });
  receivers.push(receiver);
  return receiver;
}

const send = (name: string, endpoint: string) => tenant.createEvent(name, aFlagUpdated(), labelled(endpoint));
const serverOf = (authority: ReturnType<typeof createAuthority>, ...names: string[]) => {
  const { certificate, key } = authority.issue({ names });
  return { cert: certificate, key };
};

/** Sends events one after the other while something is done, and until `isDone`; every one must arrive at once. */
async function whileSending(
  endpoint: string,
  receiver: Receiver,
  steps: readonly { readonly change: () => Promise<void> | void; readonly isSeen: () => boolean }[],
): Promise<void> {
  let sent = 0;
  const sendOne = async () => {
    sent += 1;
    await send(`${endpoint}-${sent}`, endpoint);
    const { deliveries } = await tenant.eventStatus(
      `${endpoint}-${sent}`,
      ({ deliveries: [first] = [] }) => (first?.attempts ?? 0) > 0,
    );
    expect(deliveries).toMatchObject([{ state: 'Succeeded', attempts: 1 }]);
  };
  await sendOne();
  for (const { change, isSeen } of steps) {
    await change();
    await waitUntil('requests to go by the change', async () => {
      await sendOne();
      return isSeen();
    });
  }
  expect(receiver.requests).toHaveLength(sent);
}

test('a private CA is rotated without a restart, and no request fails', async () => {
  const [first, second] = [createAuthority('First Root'), createAuthority('Second Root')];
  const receiver = await receiving({ ...serverOf(first, '127.0.0.1'), keepAliveTimeout: 1 });
  await tenant.createConfigMap('ca', { 'ca.crt': first.certificate });
  await tenant.createEndpoint('ca', {
    url: receiver.origin,
    match: matching('ca'),
    tls: { caFrom: { configMapKeyRef: { name: 'ca', key: 'ca.crt' } } },
    retry: { giveUpAfterSeconds: 0 },
  });
  const trust = (text: string) => () => tenant.updateConfigMap('ca', { 'ca.crt': text });
  await whileSending('ca', receiver, [
    { change: trust(`# old\n${first.certificate}\n# new\n${second.certificate}`), isSeen: () => true },
  ]);
  // That the operator trusts both shows at another receiver, which only the second one signed.
  const probe = await receiving(serverOf(second, '127.0.0.1'));
  await tenant.createEndpoint('probe', {
    url: probe.origin,
    match: matching('probe'),
    tls: { caFrom: { configMapKeyRef: { name: 'ca', key: 'ca.crt' } } },
    retry: { initialDelaySeconds: 1, maxDelaySeconds: 1 },
  });
  await send('probe', 'probe');
  await tenant.eventReason('probe', 'AllDelivered');
  receiver.useTls(serverOf(second, '127.0.0.1'));
  await send('switched', 'ca');
  await tenant.eventReason('switched', 'AllDelivered');

  await trust(first.certificate)();
  await waitUntil('the second CA to be trusted no more', async () => {
    const name = `untrusted-${probe.requests.length}`;
    await send(name, 'probe');
    const { reason } =
      (await tenant.eventStatus(name, ({ deliveries: [only] = [] }) => (only?.attempts ?? 0) > 0))
        .deliveries?.[0] ?? {};
    return reason === 'TLSFailed';
  });
});

test('a client certificate is shown, and a new one after it was rotated, and no request fails', async () => {
  const [server, clients] = [createAuthority('Server Root'), createAuthority('Client Root')];
  const receiver = await receiving({
    ...serverOf(server, '127.0.0.1'),
    ca: clients.certificate,
    requestCert: true,
    rejectUnauthorized: true,
  });
  const dataOf = (commonName: string) => {
    const { certificate, key } = clients.issue({ commonName });
    return { 'tls.crt': certificate, 'tls.key': key };
  };
  const type = { type: 'kubernetes.io/tls' };
  await tenant.createSecret('client', dataOf('first client'), type);
  await tenant.createSecret('server-ca', { 'ca.crt': server.certificate });
  await tenant.createEndpoint('client', {
    url: receiver.origin,
    match: matching('client'),
    tls: {
      caFrom: { secretKeyRef: { name: 'server-ca', key: 'ca.crt' } },
      clientCertificateSecretRef: { name: 'client' },
    },
    retry: { giveUpAfterSeconds: 0 },
  });
  await whileSending('client', receiver, [
    {
      change: () => tenant.updateSecret('client', dataOf('second client'), type),
      isSeen: () => receiver.requests.at(-1)?.tls?.clientName === 'second client',
    },
  ]);
  expect(receiver.requests[0]?.tls?.clientName).toBe('first client');
});

test('serverName is asked for and checked instead of the host', async () => {
  const authority = createAuthority();
  const receiver = await receiving(serverOf(authority, 'flag-cache.internal', 'renamed.internal'));
  await tenant.createConfigMap('named-ca', { 'ca.crt': authority.certificate });
  const caFrom = { configMapKeyRef: { name: 'named-ca', key: 'ca.crt' } };
  const common = { url: receiver.origin, retry: { giveUpAfterSeconds: 0 } };
  await tenant.createEndpoint('named', {
    ...common,
    match: matching('named'),
    tls: { caFrom, serverName: 'flag-cache.internal' },
  });
  await tenant.createEndpoint('unnamed', { ...common, match: matching('unnamed'), tls: { caFrom } });
  await tenant.createEndpoint('misnamed', {
    ...common,
    match: matching('misnamed'),
    tls: { caFrom, serverName: 'other.internal' },
  });
  for (const name of ['unnamed', 'misnamed']) {
    await send(name, name);
    await tenant.deliveryReason(name, 'TLSFailed');
  }
  await whileSending('named', receiver, [
    {
      change: () => tenant.patchEndpoint('named', { spec: { tls: { serverName: 'renamed.internal' } } }),
      isSeen: () => receiver.requests.at(-1)?.tls?.serverName === 'renamed.internal',
    },
  ]);
  expect(receiver.requests[0]?.tls?.serverName).toBe('flag-cache.internal');
});

test('NODE_TLS_REJECT_UNAUTHORIZED changes nothing, and TLS 1.1 is not spoken', async () => {
  const authority = createAuthority();
  const untrusted = await receiving(serverOf(authority, '127.0.0.1'));
  const old = await receiving({
    ...serverOf(authority, '127.0.0.1'),
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1.1',
    ciphers: 'DEFAULT@SECLEVEL=0',
  });
  await tenant.createConfigMap('old-ca', { 'ca.crt': authority.certificate });
  const caFrom = { configMapKeyRef: { name: 'old-ca', key: 'ca.crt' } };
  const retry = { giveUpAfterSeconds: 0 };
  await tenant.createEndpoint('untrusted', { url: untrusted.origin, match: matching('refused'), retry });
  await tenant.createEndpoint('old', { url: old.origin, match: matching('refused'), retry, tls: { caFrom } });
  await send('refused', 'refused');
  const { deliveries } = await tenant.eventReason('refused', 'DeliveryFailed');
  expect(deliveries).toMatchObject([
    { endpointName: 'old', reason: 'TLSFailed' },
    { endpointName: 'untrusted', reason: 'TLSFailed' },
  ]);
  expect([...untrusted.requests, ...old.requests]).toEqual([]);
});
