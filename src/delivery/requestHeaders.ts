import { signatureHeaders, type Signable } from './sign.ts';

export interface RequestHeadersInput extends Signable {
  /** The operator's version. */
  readonly version: string;
  /** The endpoint's own headers, in the order of its spec. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** Every header of a request that we set, in the contract's order; the endpoint's own ones come last. */
export function requestHeaders({ version, headers, ...signable }: RequestHeadersInput): [string, string][] {
  return [
    ['Content-Type', 'application/json'],
    ['User-Agent', `Flagpost/${version}`],
    ...signatureHeaders(signable),
    ...headers.map(([name, value]): [string, string] => [name, value]),
  ];
}
