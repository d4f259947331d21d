import type { IdOrName, WebhookEndpointSpec } from '../api/webhookEndpoint.ts';
import type { EventFacts, Named } from './facts.ts';
import { selects, type Labels } from './labelSelector.ts';

/**
 * Whether an endpoint wants an event: its type, and every criterion that is given, each of which is met by any of its
 * entries. A criterion about something that the event does not carry does not match (api.md, WebhookEndpoint).
 */
export function matches(
  { eventTypes, match = {} }: Pick<WebhookEndpointSpec, 'eventTypes' | 'match'>,
  facts: EventFacts,
  eventLabels: Labels,
): boolean {
  const { environments, projects, organisations, features, actions, selector } = match;
  return (
    eventTypes.includes(facts.type) &&
    meets(environments, facts.environment, isNamed) &&
    meets(projects, facts.project, isNamed) &&
    meets(organisations, facts.organisation, ({ id }, wanted) => id === wanted.id) &&
    meets(features, facts.feature, isFeature) &&
    meets(actions, facts.action, (action, wanted) => action === wanted) &&
    (selector === undefined || selects(selector, eventLabels))
  );
}

function meets<Fact, Criterion>(
  criteria: readonly Criterion[] | undefined,
  fact: Fact | null,
  isMet: (fact: Fact, criterion: Criterion) => boolean,
): boolean {
  if (criteria === undefined) return true;
  return fact !== null && criteria.some((criterion) => isMet(fact, criterion));
}

function isNamed(fact: Named, { id, name }: IdOrName): boolean {
  return (id === undefined || fact.id === id) && (name === undefined || fact.name === name);
}

/** As `isNamed`, but a name that ends in `*` stands for every name that begins so. */
function isFeature(fact: Partial<Named>, { id, name }: IdOrName): boolean {
  if (id !== undefined && fact.id !== id) return false;
  if (name === undefined) return true;
  if (fact.name === undefined) return false;
  return name.endsWith('*') ? fact.name.startsWith(name.slice(0, -1)) : fact.name === name;
}
