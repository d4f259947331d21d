import { factsOf, type Rule } from './facts.ts';
import type { Run } from './run.ts';
import * as circuit from './rules/circuit.ts';
import * as endpointStatus from './rules/endpointStatus.ts';
import * as eventStatus from './rules/eventStatus.ts';
import * as holds from './rules/holds.ts';
import * as requests from './rules/requests.ts';
import * as retries from './rules/retries.ts';

/** Every rule by its name: what these files export, and that is nothing else. */
const RULES: Readonly<Record<string, Rule>> = {
  ...requests,
  ...retries,
  ...holds,
  ...circuit,
  ...eventStatus,
  ...endpointStatus,
};

export const ruleNames: readonly string[] = Object.keys(RULES);

/** What a run has done that api.md forbids, a line each, begun with the rule's name. */
export function violations(run: Run): string[] {
  const facts = factsOf(run);
  return Object.entries(RULES).flatMap(([name, rule]) =>
    rule(facts).map((sentence) => `${name}: ${sentence}`),
  );
}
