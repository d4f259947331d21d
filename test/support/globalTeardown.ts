import './globalSetup.ts';

/** Runs once after all test files, in the process of globalSetup. */
export default async function globalTeardown(): Promise<void> {
  await globalThis.controlPlaneOnDemand?.stop();
}
