import { type ControlPlaneOnDemand, serveControlPlaneOnDemand } from './controlPlaneOnDemand.ts';
import { controlPlaneVariable } from './sharedControlPlane.ts';

declare global {
  // Only `var` makes a property of globalThis.
  var controlPlaneOnDemand: ControlPlaneOnDemand | undefined;
}

/** Runs once before all test files, in the process that starts their workers. */
export default async function globalSetup(): Promise<void> {
  globalThis.controlPlaneOnDemand = await serveControlPlaneOnDemand();
  process.env[controlPlaneVariable] = globalThis.controlPlaneOnDemand.url;
}
