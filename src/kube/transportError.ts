/** The API server gave no answer, or none that can be read. The message is a code and says no path and no secret. */
export class TransportError extends Error {
  override readonly name = 'TransportError';
}
