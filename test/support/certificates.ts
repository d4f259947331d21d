import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { isIP } from 'node:net';

/** A certificate with its key, both in PEM. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

/** A certificate that signs others. */
export interface Authority extends Certificate {
  issue(options: CertificateOptions): Certificate;
}

export interface CertificateOptions {
  readonly commonName?: string;
  /** DNS names and addresses that it is for. */
  readonly names?: readonly string[];
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  /** Default: a new one, whose private key comes with the certificate. */
  readonly publicKey?: KeyObject;
}

const HOUR = 3_600_000;

/** A root of its own. */
export function createAuthority(commonName = 'Test Root'): Authority {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const self = encode({
    issuer: commonName,
    subject: commonName,
    publicKey,
    signer: privateKey,
    isAuthority: true,
  });
  return {
    certificate: self,
    key: pemOf(privateKey),
    issue({ commonName: subject = 'Test Leaf', ...rest }) {
      const leaf = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      return {
        certificate: encode({
          issuer: commonName,
          subject,
          publicKey: leaf.publicKey,
          signer: privateKey,
          isAuthority: false,
          ...rest,
        }),
        key: pemOf(leaf.privateKey),
      };
    },
  };
}

interface Fields extends CertificateOptions {
  readonly issuer: string;
  readonly subject: string;
  readonly publicKey: KeyObject;
  readonly signer: KeyObject;
  readonly isAuthority: boolean;
}

let serial = 1;

/** RFC 5280, section 4.1, in DER. */
function encode(fields: Fields): string {
  const { issuer, subject, publicKey, signer, isAuthority, names = [] } = fields;
  const { notBefore = new Date(Date.now() - HOUR), notAfter = new Date(Date.now() + 24 * HOUR) } = fields;
  const algorithm = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02)); // ecdsa-with-SHA256
  const extensions = [
    extension([0x55, 0x1d, 0x13], isAuthority ? sequence(der(0x01, Buffer.from([0xff]))) : sequence()),
  ];
  if (names.length > 0) extensions.push(extension([0x55, 0x1d, 0x11], sequence(...names.map(generalName))));
  const toBeSigned = sequence(
    der(0xa0, integer(2)),
    integer(serial++),
    algorithm,
    distinguishedName(issuer),
    sequence(utcTime(notBefore), utcTime(notAfter)),
    distinguishedName(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions)),
  );
  const signature = sign('sha256', toBeSigned, signer);
  const bytes = sequence(toBeSigned, algorithm, der(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

function generalName(name: string): Buffer {
  return isIP(name) === 4
    ? der(0x87, Buffer.from(name.split('.').map(Number)))
    : der(0x82, Buffer.from(name, 'ascii'));
}

function extension(id: readonly number[], value: Buffer): Buffer {
  return sequence(oid(...id), der(0x04, value));
}

function distinguishedName(commonName: string): Buffer {
  return sequence(der(0x31, sequence(oid(0x55, 0x04, 0x03), der(0x0c, Buffer.from(commonName)))));
}

function utcTime(date: Date): Buffer {
  const text = date.toISOString().replace(/[-:T]|\.\d+/g, '');
  return der(0x17, Buffer.from(text.slice(2), 'ascii'));
}

function integer(value: number): Buffer {
  const bytes = Buffer.alloc(5);
  bytes.writeUInt32BE(value, 1);
  return der(
    0x02,
    bytes.subarray(bytes.findIndex((byte, at) => byte !== 0 || (bytes[at + 1] ?? 0x80) >= 0x80)),
  );
}

function oid(...bytes: readonly number[]): Buffer {
  return der(0x06, Buffer.from(bytes));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}
