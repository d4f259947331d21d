// `npm run demo`: the way of an event, on a control plane of its own. With --keep it stays up until Ctrl-C.
import { constants } from 'node:os';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureAssets } from '../test/controlplane/assets.ts';
import { startControlPlane } from '../test/support/controlPlane.ts';
import { installCrds } from '../test/support/installCrds.ts';
import { buildOperator, startBuiltOperator } from './demo/builtOperator.ts';
import { DemoFailure } from './demo/demoFailure.ts';
import { openKubectl } from './demo/kubectl.ts';
import { printHeading, printIndented } from './demo/print.ts';
import { startReceiver } from './demo/receiver.ts';
import * as steps from './demo/steps.ts';
import { wrongSignatures } from './demo/verdict.ts';

const interruption = new AbortController();
const cleanup = new AsyncDisposableStack();
let ending: Promise<never> | undefined;
let isKept = false;

/** Takes away what was started, the last first, and ends the process with the status that was given first. */
function end(status: number): Promise<never> {
  ending ??= (async () => {
    interruption.abort();
    await cleanup.disposeAsync();
    process.exit(status);
  })();
  return ending;
}

/** Starts something and takes charge of it: the end waits until it has started, and stops it. */
async function start<T>(begin: () => Promise<T>, stop: (started: T) => Promise<void>): Promise<T> {
  interruption.signal.throwIfAborted();
  const starting = begin();
  cleanup.defer(async () => {
    const started = await starting.catch(() => undefined);
    if (started !== undefined) await stop(started);
  });
  return starting;
}

function readArguments(): { readonly keep: boolean } {
  try {
    return parseArgs({ options: { keep: { type: 'boolean', default: false } } }).values;
  } catch (error) {
    throw new DemoFailure(`${error instanceof Error ? error.message : String(error)}; there is only --keep`);
  }
}

async function run(keep: boolean): Promise<void> {
  const { signal } = interruption;
  // It may take minutes, and takes away by itself what is half done.
  await ensureAssets();

  printHeading(1, 'A control plane, the CRDs and the samples');
  const controlPlane = await start(startControlPlane, (started) => started.stop());
  printIndented(`kube-apiserver and etcd run at ${controlPlane.server}`);
  const receiver = await start(startReceiver, (started) => started.close());
  printIndented(`a receiver, no part of the operator, listens at ${receiver.origin}`);
  const kubectl = openKubectl(controlPlane, signal);
  await installCrds(controlPlane);
  await kubectl.show('apply', '--server-side', '-f', 'crds/');
  await steps.applySamples(kubectl, receiver);

  printHeading(2, 'The operator starts: what can be delivered is delivered');
  await buildOperator(signal);
  const operator = await start(
    () => startBuiltOperator(controlPlane.kubeconfigPath),
    (started) => started.stop(),
  );
  try {
    await steps.showFirstDeliveries(kubectl);

    printHeading(3, 'The missing Secret comes: what waited for it is delivered');
    await steps.createMissingSecret(kubectl, receiver);

    printHeading(4, 'The signing key is rotated: the new one signs');
    await steps.rotateSigningKey(kubectl, receiver);

    printHeading(5, 'The receiver answers 503 twice: the event is sent again');
    await steps.failTwice(kubectl, receiver);

    printHeading(6, 'How it ended');
    console.log(`\nProved: ${await steps.showResult(kubectl, receiver)}`);
  } catch (error) {
    if (signal.aborted || !(error instanceof DemoFailure)) throw error;
    const log = `\nThe end of the operator's log:\n${await operator.lastLines()}`;
    throw new DemoFailure([...wrongSignatures(receiver.requests), error.message, log].join('\n'));
  }
  if (!keep) return;
  isKept = true;
  printKept(controlPlane.kubeconfigPath, dirname(controlPlane.kubectlPath));
  await new Promise<never>(() => {});
}

function printKept(kubeconfig: string, programs: string): void {
  console.log(`
All of it runs until Ctrl-C. In another terminal, in this folder:
  export KUBECONFIG=${kubeconfig} PATH="$PATH:${programs}"

  kubectl get whe,fev -o wide
  kubectl explain webhookendpoint.spec.retry
  sed 's/name: butter-bar-on/name: butter-bar-again/' deploy/samples/3-flag-updated.yaml | kubectl apply --server-side -f -`);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (!interruption.signal.aborted) console.log('\nstopping what was started …');
    void end(isKept ? 0 : 128 + constants.signals[signal]);
  });
}

try {
  await run(readArguments().keep);
  await end(0);
} catch (error) {
  if (!interruption.signal.aborted) {
    console.error(error instanceof DemoFailure ? `\nFailed: ${error.message}` : error);
  }
  await end(1);
}
