/** What the demo was to show did not happen; the message says which part of it. */
export class DemoFailure extends Error {
  override readonly name = 'DemoFailure';
}
