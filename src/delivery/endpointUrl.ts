const MAX_LENGTH = 2048;

/**
 * Parses an endpoint's URL by the contract's rules: http or https, a host, no user info, no fragment, at most 2048
 * characters. A string that is returned says what is wrong; it never holds a part of the URL, which may be secret.
 */
export function parseEndpointUrl(text: string): URL | string {
  if (text.length > MAX_LENGTH) return `must have at most ${MAX_LENGTH} characters`;
  // URL() would drop white space and control characters and take a backslash for a slash.
  if (/[\s\\\p{Cc}]/u.test(text)) return 'must not have white space, control characters or backslashes';
  if (!/^https?:\/\//i.test(text)) return 'must be an absolute http or https URL';
  // URL() would take the path for the host.
  if (/^[^/]*\/\/[/?#]/.test(text)) return 'must have a host';
  if (!URL.canParse(text)) return 'must be a URL that can be parsed: check its host and port';
  if (text.includes('#')) return 'must not have a fragment';
  if (/^[^/?#]*\/\/[^/?#]*@/.test(text))
    return 'must not carry user info: put credentials into headers[].valueFrom';
  return new URL(text);
}

/** The host as status.host and `flagpost.dev/allowed-hosts` have it: lower case, without port or brackets. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1');
}
