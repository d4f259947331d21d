import { inspect } from 'node:util';

/** Bytes out of a Secret. Printed, logged or serialised they are `[redacted]`; only `reveal` gives them out. */
export class SecretBytes {
  readonly #bytes: Buffer;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes);
  }

  reveal(): Buffer {
    return this.#bytes;
  }

  equals(other: SecretBytes): boolean {
    return this.#bytes.equals(other.#bytes);
  }

  toString(): string {
    return '[redacted]';
  }

  toJSON(): string {
    return '[redacted]';
  }

  [inspect.custom](): string {
    return '[redacted]';
  }
}
