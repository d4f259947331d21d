/** A request to the API server, in the words of RBAC. */
export interface ApiCall {
  readonly verb: 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete';
  /** The plural, such as `flagevents`; empty where the path names none. */
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** The path with its query. */
  readonly url: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** What must be equal; what is absent matches all. */
export type CallMatch = Partial<Pick<ApiCall, 'verb' | 'resource' | 'subresource' | 'namespace' | 'name'>>;

const VERBS = { POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' } as const;

export function callOf(method: string, url: string): ApiCall {
  const { pathname, searchParams } = new URL(url, 'http://api');
  const [, , namespace = '', resource = '', name = '', subresource = ''] =
    /^\/(?:api|apis\/[^/]+)\/([^/]+)(?:\/namespaces\/([^/]+))?\/([^/]+)(?:\/([^/]+))?(?:\/([^/]+))?$/.exec(
      pathname,
    ) ?? [];
  const read = searchParams.get('watch') === 'true' ? 'watch' : name === '' ? 'list' : 'get';
  const verb = method in VERBS ? VERBS[method as keyof typeof VERBS] : read;
  return { verb, resource, subresource, namespace, name, url, at: Date.now() };
}

export function matches(call: ApiCall, match: CallMatch): boolean {
  return Object.entries(match).every(([key, value]) => call[key as keyof CallMatch] === value);
}
