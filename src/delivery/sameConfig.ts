import { isDeepStrictEqual } from 'node:util';
import type { EndpointConfig } from './resolve.ts';

/** Whether two configurations make the same requests. */
export function sameConfig(a: EndpointConfig, b: EndpointConfig): boolean {
  return isDeepStrictEqual(revealed(a), revealed(b));
}

/** With the bytes, which a comparison of SecretBytes would not see. */
function revealed({ url, signingKeys, headers, tls }: EndpointConfig): unknown {
  const secrets = [...signingKeys, tls?.ca, tls?.certificate, tls?.key].map((bytes) => bytes?.reveal());
  return [url.href, headers, tls?.serverName, signingKeys.length, secrets];
}
