import type { z } from 'zod';
import { finishedEvent, type FinishedEvent } from './finishedEvent.ts';
import { flagEvent, type FlagEvent } from './flagEvent.ts';
import { webhookEndpoint, type WebhookEndpoint } from './webhookEndpoint.ts';
import { property } from './property.ts';

/** An object that isn't what its kind says. It names the object and the fields, and no value: they may be secret. */
export class ParseError extends Error {
  override readonly name = 'ParseError';
  readonly kind: string;
  /** Namespace and name, as far as the object has them. */
  readonly object: string;
  /** The first field that is wrong, for example `spec.headers[0].name`. */
  readonly field: string;

  constructor(kind: string, object: string, issues: readonly z.core.$ZodIssue[]) {
    super(`${kind} ${object}: ${issues.map((issue) => `${fieldOf(issue)}: ${issue.message}`).join('; ')}`);
    this.kind = kind;
    this.object = object;
    this.field = issues[0] === undefined ? '' : fieldOf(issues[0]);
  }
}

function fieldOf(issue: z.core.$ZodIssue): string {
  const path = issue.path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  return path.replace(/^\./, '') || 'object';
}

function nameOf(value: unknown): string {
  const metadata = property(value, 'metadata');
  const parts = [property(metadata, 'namespace'), property(metadata, 'name')];
  return parts.filter((part) => typeof part === 'string' && part !== '').join('/') || '(without a name)';
}

function parse<T>(kind: string, schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (!result.success) throw new ParseError(kind, nameOf(value), result.error.issues);
  return result.data;
}

/**
 * A FlagEvent as the API server gave it. The payload is the very same object, as it is; managedFields and whatever else
 * the operator doesn't read are left out. Throws a ParseError; never for an object that the CRD admits.
 */
export function parseFlagEvent(value: unknown): FlagEvent {
  return parse('FlagEvent', flagEvent, value);
}

/** What says how long a FlagEvent is kept. Throws a ParseError; never for an object that the CRD admits. */
export function parseFinishedEvent(value: unknown): FinishedEvent {
  return parse('FlagEvent', finishedEvent, value);
}

/** A WebhookEndpoint as the API server gave it. Throws a ParseError; never for an object that the CRD admits. */
export function parseWebhookEndpoint(value: unknown): WebhookEndpoint {
  return parse('WebhookEndpoint', webhookEndpoint, value);
}
