import { TransportError } from './kube/transportError.ts';
import { ApiError } from './runtime/apiError.ts';

/** Why the API server gives nothing, as far as a person can do something about it. */
export function reasonOf(error: unknown): string {
  if (isMissing(error)) return 'its CustomResourceDefinition is not installed';
  if (error instanceof ApiError) return `${error.status} ${error.reason}`.trimEnd();
  return error instanceof TransportError ? error.message : 'it is tried again';
}

/** Whether the API server has no such resource. */
export function isMissing(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}

/** Whether the error concerns every watch of a resource alike. */
export function isOfAll(error: unknown): boolean {
  return isMissing(error) || (error instanceof ApiError && error.status === 403);
}
