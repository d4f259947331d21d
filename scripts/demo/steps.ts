import { stringify } from 'yaml';
import { DemoFailure } from './demoFailure.ts';
import type { Kubectl } from './kubectl.ts';
import { printIndented } from './print.ts';
import type { Receiver } from './receiver.ts';
import { flagUpdatedNamed, readSample, withOrigin } from './samples.ts';
import { differences, type Expected, parseEvents, wrongSignatures } from './verdict.ts';

const FIRST_SECRET = 'my shared secret';
const NEXT_SECRET = 'my next secret';
const MOBILE_SECRET = 'the secret of the mobile gateway';

const EXPECTED: Expected = {
  'butter-bar-on': { 'flag-cache': 1, 'mobile-gateway': 1 },
  'my-feature-created': { 'audit-trail': 1 },
  'butter-bar-next-key': { 'flag-cache': 1, 'mobile-gateway': 1 },
  'butter-bar-retried': { 'flag-cache': 3, 'mobile-gateway': 1 },
};

/** In a namespace of their own; the endpoints lead to the receiver. */
export async function applySamples(kubectl: Kubectl, receiver: Receiver): Promise<void> {
  const { origin } = receiver;
  shareSecret(receiver, FIRST_SECRET);
  await kubectl.show('create', 'namespace', 'shop');
  await kubectl.show('config', 'set-context', '--current', '--namespace=shop');
  await kubectl.show('apply', '--server-side', '-f', 'deploy/samples/1-secret.yaml');
  await kubectl.apply(
    withOrigin(readSample('2-endpoints.yaml'), origin),
    `deploy/samples/2-endpoints.yaml, with ${origin} as the host`,
  );
  await kubectl.show('apply', '--server-side', '-f', 'deploy/samples/3-flag-updated.yaml');
  await kubectl.show('apply', '--server-side', '-f', 'deploy/samples/4-audit-log.yaml');
}

/** Tells the receiver of flag-cache and audit-trail what their requests are signed with from now on. */
function shareSecret(receiver: Receiver, secret: string): void {
  receiver.expectSecret('/hooks/flags', secret);
  receiver.expectSecret('/hooks/audit', secret);
}

export async function showFirstDeliveries(kubectl: Kubectl): Promise<void> {
  await kubectl.wait('fev/my-feature-created', 'condition=Succeeded');
  await kubectl.wait('fev/butter-bar-on', deliveryField('flag-cache', 'state', 'Succeeded'));
  await kubectl.wait('fev/butter-bar-on', deliveryField('mobile-gateway', 'reason', 'SecretNotReady'));
  await kubectl.show('get', 'fev');
  await kubectl.show('get', 'whe/mobile-gateway');
}

export async function createMissingSecret(kubectl: Kubectl, receiver: Receiver): Promise<void> {
  receiver.expectSecret('/hooks/mobile', MOBILE_SECRET);
  await kubectl.show('create', 'secret', 'generic', 'hook-mobile', `--from-literal=secret=${MOBILE_SECRET}`);
  await kubectl.wait('fev/butter-bar-on', 'condition=Succeeded');
  await kubectl.wait('whe/mobile-gateway', 'condition=Ready');
}

export async function rotateSigningKey(kubectl: Kubectl, receiver: Receiver): Promise<void> {
  shareSecret(receiver, NEXT_SECRET);
  const stringData = { secret: NEXT_SECRET, 'previous-secret': FIRST_SECRET };
  await kubectl.show('patch', 'secret', 'hook', '--type=merge', `--patch=${JSON.stringify({ stringData })}`);
  await kubectl.apply(
    flagUpdatedNamed('butter-bar-next-key'),
    'the flag change again, as butter-bar-next-key',
  );
  await kubectl.wait('fev/butter-bar-next-key', 'condition=Succeeded');
  printIndented('X-Flagsmith-Signature is made with the new key; webhook-signature has both.');
}

export async function failTwice(kubectl: Kubectl, receiver: Receiver): Promise<void> {
  receiver.answerNext('/hooks/flags', 503, 503);
  await kubectl.apply(flagUpdatedNamed('butter-bar-retried'), 'the flag change again, as butter-bar-retried');
  // Deliveries are sorted by the endpoint's name: flag-cache comes before mobile-gateway.
  const columns = ['attempts', 'lastStatusCode', 'reason', 'nextAttemptTime', 'state'].map(
    (field) => `${field}:.status.deliveries[0].${field}`,
  );
  const output = `--output=custom-columns=${columns.join(',')}`;
  await kubectl.follow(['get', 'fev/butter-bar-retried', '--watch', output], 'Succeeded');
  await kubectl.wait('fev/butter-bar-retried', 'condition=Succeeded');
}

/** Shows how it ended and gives the sentence that says what was proved. Throws a DemoFailure with what is wrong. */
export async function showResult(kubectl: Kubectl, { requests }: Receiver): Promise<string> {
  // An endpoint's status may be a few seconds behind the events', which are the record.
  await kubectl.wait('whe/flag-cache', 'jsonpath={.status.recentDeliveries[0].attempt}=3');
  await kubectl.show('get', 'whe,fev');
  for (const object of ['whe/flag-cache', 'fev/butter-bar-retried']) {
    printIndented(`$ kubectl get ${object} -o yaml  # its status`);
    const { status } = JSON.parse(await kubectl.read('get', object, '-o', 'json')) as { status: unknown };
    printIndented(stringify(status));
  }
  const events = parseEvents(await kubectl.read('get', 'fev', '-o', 'json'));
  const wrong = [...wrongSignatures(requests), ...differences(EXPECTED, events, requests)];
  if (wrong.length > 0) throw new DemoFailure(wrong.join('\n'));
  const deliveries = Object.values(EXPECTED).flatMap((endpoints) => Object.keys(endpoints)).length;
  return (
    `${events.length} events reached every endpoint that wanted them: ${deliveries} deliveries in ${requests.length} ` +
    'requests, each with a correct signature, one after its Secret came, two with a rotated key, one at the third attempt.'
  );
}

/** As `kubectl wait` wants it: a field of an event's delivery to an endpoint. */
function deliveryField(endpointName: string, field: string, value: string): string {
  return `jsonpath={.status.deliveries[?(@.endpointName=="${endpointName}")].${field}}=${value}`;
}
