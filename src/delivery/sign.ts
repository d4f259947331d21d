import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import type { SecretBytes } from './secretBytes.ts';

/** What is signed, and with what. */
export interface Signable {
  readonly deliveryId: string;
  /** When this attempt began, in seconds since 1970. */
  readonly timestampSeconds: number;
  /** The bytes that are sent. */
  readonly body: Uint8Array;
  /** The first is the current one. */
  readonly keys: readonly SecretBytes[];
}

const ENCODED_KEY_PREFIX = 'whsec_';

/**
 * The headers by which a receiver knows and verifies a request, in the contract's order (api.md, The request):
 * X-Flagsmith-Signature by the seed's rule, with the first key's bytes as stored, and those of Standard Webhooks
 * (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md), with every key. Without a
 * key there are no signatures.
 */
export function signatureHeaders({ deliveryId, timestampSeconds, body, keys }: Signable): [string, string][] {
  const [current] = keys;
  const identity: [string, string][] = [
    ['webhook-id', deliveryId],
    ['webhook-timestamp', String(timestampSeconds)],
  ];
  if (!current) return identity;
  const signatures = keys.map((key) =>
    createHmac('sha256', signingKey(key).standard)
      .update(`${deliveryId}.${timestampSeconds}.`)
      .update(body)
      .digest('base64'),
  );
  return [
    ['X-Flagsmith-Signature', createHmac('sha256', signingKey(current).asStored).update(body).digest('hex')],
    ...identity,
    ['webhook-signature', signatures.map((signature) => `v1,${signature}`).join(' ')],
  ];
}

/** Says what is wrong with a key that claims to be encoded, or nothing: any other bytes are a key. */
export function checkSigningKey(key: SecretBytes): string | undefined {
  const text = key.reveal().toString('latin1');
  if (!text.startsWith(ENCODED_KEY_PREFIX)) return undefined;
  const encoded = text.slice(ENCODED_KEY_PREFIX.length).trimEnd();
  return /^[A-Za-z0-9+/]+={0,2}$/.test(encoded)
    ? undefined
    : `begins with ${ENCODED_KEY_PREFIX}, and what follows is not base64`;
}

/** A key in the two forms in which it signs. */
interface SigningKey {
  readonly asStored: KeyObject;
  readonly standard: KeyObject;
}

// Made once for each content: of bytes, node:crypto makes a key of its own every time, which takes longer than to sign.
const signingKeys = new WeakMap<SecretBytes, SigningKey>();

function signingKey(key: SecretBytes): SigningKey {
  const known = signingKeys.get(key);
  if (known) return known;
  const made = { asStored: createSecretKey(key.reveal()), standard: createSecretKey(standardKey(key)) };
  signingKeys.set(key, made);
  return made;
}

/** A key as Standard Webhooks uses it. White space after the base64, such as a file's last newline, is no part of it. */
function standardKey(key: SecretBytes): Buffer {
  const bytes = key.reveal();
  const text = bytes.toString('latin1');
  return text.startsWith(ENCODED_KEY_PREFIX)
    ? Buffer.from(text.slice(ENCODED_KEY_PREFIX.length), 'base64')
    : bytes;
}
