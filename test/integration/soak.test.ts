import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { randomScenario } from '../soak/scenario.ts';
import { soak } from '../soak/soak.ts';
import { startOperatorFor, type OperatorProcess } from '../support/operatorProcess.ts';
import { sharedControlPlane } from '../support/sharedControlPlane.ts';
import { aTenant, type Tenant } from '../support/tenant.ts';

let tenant: Tenant;
let operator: OperatorProcess;

beforeAll(async () => {
  tenant = await aTenant(await sharedControlPlane());
  operator = await startOperatorFor(tenant);
}, 120_000);

afterAll(async () => {
  expect(await operator?.stop()).toBe(0);
});

test('no step is forbidden where receivers answer at random, hang, reset and ask to wait', async () => {
  const scenario = randomScenario({
    seed: 5,
    endpoints: 8,
    events: 60,
    milliseconds: 5000,
    giveUpAfterSeconds: 6,
    maxDelaySeconds: 3,
  });
  const { run, violations } = await soak(tenant, { scenario, receivers: 2, endsWithinMilliseconds: 60_000 });
  expect(violations).toEqual([]);
  expect(run.requests.length).toBeGreaterThan(60);
}, 120_000);
