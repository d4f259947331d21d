import { createHash, createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import type { SecretBytes } from '../delivery/secretBytes.ts';

/** What an endpoint's `tls` gives, as it is stored: PEM. */
export interface TlsMaterial {
  /** Trusted besides the usual roots; any number of certificates, with comments between them. */
  readonly ca?: SecretBytes;
  /** The client's certificate, and those that lead to its root. */
  readonly certificate?: SecretBytes;
  readonly key?: SecretBytes;
  /** Asked for and checked instead of the URL's host. */
  readonly serverName?: string;
}

const CHECKS_REMEMBERED = 1000;
const checks = new Map<string, string | undefined>();

/** Says what is wrong with the certificates or the key, in a sentence that holds nothing of them; nothing if all is well. */
export function checkTlsMaterial(material: TlsMaterial): string | undefined {
  // Every reconcile asks, and the answer for the same bytes is the same.
  const fingerprint = fingerprintOf(material);
  if (checks.has(fingerprint)) return checks.get(fingerprint);
  const problem = findProblem(material);
  if (checks.size >= CHECKS_REMEMBERED) checks.clear();
  checks.set(fingerprint, problem);
  return problem;
}

// Every request asks, and what an endpoint's material is made of never changes.
const fingerprints = new WeakMap<TlsMaterial, string>();

/** A digest that differs where anything differs that a connection depends on. Not for display. */
export function fingerprintOf(material: TlsMaterial): string {
  const fingerprint = fingerprints.get(material) ?? digestOf(material);
  fingerprints.set(material, fingerprint);
  return fingerprint;
}

function digestOf({ ca, certificate, key, serverName }: TlsMaterial): string {
  const hash = createHash('sha256');
  for (const part of [ca?.reveal(), certificate?.reveal(), key?.reveal(), serverName]) {
    hash.update(part === undefined ? '-' : `${Buffer.byteLength(part)}:`).update(part ?? '');
  }
  return hash.digest('base64');
}

/** The context for connections with this material. Throws where checkTlsMaterial finds something wrong. */
export function createReceiverContext({ ca, certificate, key }: TlsMaterial): SecureContext {
  return createSecureContext({
    minVersion: 'TLSv1.2',
    // Node's `ca` replaces the roots.
    ca: ca && [...getCACertificates('default'), ...certificatesIn(ca)],
    cert: certificate && certificatesIn(certificate).join('\n'),
    key: key && withoutByteOrderMark(key),
  });
}

function findProblem({ ca, certificate, key }: TlsMaterial): string | undefined {
  const problem =
    (ca && findCertificateProblem(ca, 'the CA')) ??
    (certificate && findCertificateProblem(certificate, 'the client certificate'));
  if (problem) return problem;
  if (!certificate && !key) return undefined;
  if (!certificate) return 'there is a key, and no client certificate that it belongs to';
  if (!key) return 'there is a client certificate, and no key that belongs to it';

  if (/-----BEGIN ENCRYPTED|Proc-Type: 4,ENCRYPTED/.test(key.reveal().toString('latin1')))
    return 'the key is encrypted; store it without a passphrase';
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(withoutByteOrderMark(key));
  } catch {
    return 'the key is not a private key in PEM';
  }
  const [leaf = ''] = certificatesIn(certificate);
  if (!new X509Certificate(leaf).checkPrivateKey(privateKey))
    return 'the key does not belong to the client certificate';
  try {
    createReceiverContext({ certificate, key });
  } catch {
    return 'OpenSSL refuses the client certificate or its key; both need at least 2048 bits of RSA or 224 of an elliptic curve';
  }
  return undefined;
}

function findCertificateProblem(bytes: SecretBytes, what: string): string | undefined {
  const blocks = certificatesIn(bytes);
  if (blocks.length === 0) return `${what} has no certificate in PEM`;
  const bad = blocks.findIndex((block) => !isCertificate(block));
  return bad < 0 ? undefined : `${what}: certificate ${bad + 1} of ${blocks.length} can't be read`;
}

/** The PEM blocks; what is around them, comments and a byte order mark, is dropped. An unfinished block counts. */
function certificatesIn(bytes: SecretBytes): string[] {
  const pem = bytes.reveal().toString('latin1');
  return pem.match(/-----BEGIN (X509 |TRUSTED )?CERTIFICATE-----.*?(-----END \1CERTIFICATE-----|$)/gs) ?? [];
}

function isCertificate(block: string): boolean {
  try {
    return new X509Certificate(block).raw.length > 0;
  } catch {
    return false;
  }
}

function withoutByteOrderMark(bytes: SecretBytes): Buffer {
  const pem = bytes.reveal();
  return pem.subarray(0, 3).equals(Buffer.from([0xef, 0xbb, 0xbf])) ? pem.subarray(3) : pem;
}
