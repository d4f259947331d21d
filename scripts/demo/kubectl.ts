import { createInterface } from 'node:readline/promises';
import type { ClusterAccess } from '../../test/support/cluster.ts';
import { DemoFailure } from './demoFailure.ts';
import { printIndented } from './print.ts';
import { type ProgramOptions, runProgram, startProgram } from './runProgram.ts';

const TIMEOUT_SECONDS = 60;

/** kubectl as a person would use it: every command is shown. All of them throw a DemoFailure. */
export interface Kubectl {
  /** Shows a command and what it prints. */
  show(...args: readonly string[]): Promise<void>;
  /** Applies a manifest, of which `what` says in words what it is. On the server: kubectl itself would drop nulls. */
  apply(manifest: string, what: string): Promise<void>;
  /** Waits until `object` meets `condition`, in the words of `kubectl wait --for`. */
  wait(object: string, condition: string): Promise<void>;
  /** Shows the lines of a command that watches, until one ends in `last`. */
  follow(args: readonly string[], last: string): Promise<void>;
  /** What a command prints, without a word. */
  read(...args: readonly string[]): Promise<string>;
}

export function openKubectl(access: ClusterAccess, signal: AbortSignal): Kubectl {
  const options: ProgramOptions = {
    signal,
    env: { KUBECONFIG: access.kubeconfigPath, KUBECACHEDIR: access.cacheFolder },
  };
  const run = (args: readonly string[], stdin?: string) =>
    runProgram(access.kubectlPath, args, stdin === undefined ? options : { ...options, stdin });
  const printCommand = (args: readonly string[], comment = '') => {
    signal.throwIfAborted();
    printIndented(`$ ${commandLine(args)}${comment}`);
  };
  const show = async (...args: readonly string[]) => {
    printCommand(args);
    printIndented(await run(args));
  };
  return {
    show,
    async apply(manifest, what) {
      const args = ['apply', '--server-side', '-f', '-'];
      printCommand(args, `  # ${what}`);
      printIndented(await run(args, manifest));
    },
    wait: (object, condition) => show('wait', object, `--for=${condition}`, `--timeout=${TIMEOUT_SECONDS}s`),
    async follow(args, last) {
      printCommand(args);
      const tooLate = AbortSignal.timeout(TIMEOUT_SECONDS * 1000);
      const child = startProgram(access.kubectlPath, args, {
        ...options,
        signal: AbortSignal.any([signal, tooLate]),
      });
      child.on('error', () => {
        // Its output ends then, which is what counts.
      });
      for await (const line of createInterface(child.stdout)) {
        printIndented(line);
        if (!line.trimEnd().endsWith(last)) continue;
        child.kill();
        return;
      }
      throw new DemoFailure(`kubectl ${args.join(' ')}: waited in vain for ${last}`);
    },
    read: (...args) => run(args),
  };
}

function commandLine(args: readonly string[]): string {
  // Quotes around what the shell would read in its own way, but not around the name of a flag.
  const words = args.map((word) => word.replace(/^(--[-a-z]+=)?(.*[^-\w./:=,].*)$/, "$1'$2'"));
  return `kubectl ${words.join(' ')}`;
}
