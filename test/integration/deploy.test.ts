import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { boundRole } from '../support/boundRole.ts';
import { createAuthority } from '../support/certificates.ts';
import { type ControlPlane, startControlPlane } from '../support/controlPlane.ts';
import { deployed, overlayPath, type Rule } from '../support/deployed.ts';
import { aFlagUpdated, anAuditLog } from '../support/eventSpec.ts';
import { writeKubeconfig } from '../support/kubeconfig.ts';
import { type OperatorProcess, spawnOperator, startOperatorProcess } from '../support/operatorProcess.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { aTenant, type Tenant } from '../support/tenant.ts';
import { waitUntil } from '../support/waitUntil.ts';

const SERVICE_ACCOUNT = 'system:serviceaccount:flagpost-system:flagpost';
/** What kube-apiserver gives the Service `kubernetes`, the first of its range. */
const API_SERVICE = 'https://10.0.0.1';
const API_ENDPOINT = 'https://10.1.2.3:6443';
const endpointSlice = {
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: {
    name: 'kubernetes',
    namespace: 'default',
    labels: { 'kubernetes.io/service-name': 'kubernetes' },
  },
  addressType: 'IPv4',
  endpoints: [{ addresses: ['10.1.2.3'] }],
  ports: [{ name: 'https', port: 6443, protocol: 'TCP' }],
};

/** An operator starts within a second, but not where others need the cores. */
const START_MILLISECONDS = 30_000;

interface Scene {
  readonly operator: OperatorProcess;
  readonly tenant: Tenant;
  readonly receiver: Receiver;
}

const logged = (operator: OperatorProcess, message: RegExp) =>
  waitUntil(
    `the operator to log ${message}`,
    () => operator.log.find((line) => message.test(String(line['message']))),
    { timeoutMs: START_MILLISECONDS },
  );
const reason = (tenant: Tenant, endpoint: string, wanted: string) =>
  tenant.endpointReason(endpoint, wanted, 'Ready', START_MILLISECONDS);
const signedBy = (name: string) => [{ secretKeyRef: { name, key: 'secret' } }];

/** By the name of the rule: what a person sees where it is missing. */
const symptoms: Readonly<Record<string, (scene: Scene) => Promise<unknown>>> = {
  flagevents: async ({ operator }) => {
    await logged(operator, /cannot (watch|list) resource "flagevents"/);
    const { status, body } = await operator.get('/readyz');
    expect({ status, body }).toMatchObject({ status: 503, body: expect.stringContaining('flagevents') });
  },
  'flagevents/status': async ({ operator, tenant, receiver }) => {
    await tenant.createEndpoint('flags', { url: receiver.origin });
    await reason(tenant, 'flags', 'Ready');
    await tenant.createEvent('butter-bar');
    await logged(operator, /cannot update resource "flagevents\/status"/);
    expect((await tenant.event('butter-bar')).status).toEqual({ observedGeneration: -1 });
  },
  webhookendpoints: async ({ operator }) => {
    await logged(operator, /cannot (watch|list) resource "webhookendpoints"/);
    const { status, body } = await operator.get('/readyz');
    expect({ status, body }).toMatchObject({
      status: 503,
      body: expect.stringContaining('webhookendpoints'),
    });
  },
  'webhookendpoints/status': async ({ operator, tenant, receiver }) => {
    await tenant.createEndpoint('flags', { url: receiver.origin });
    await logged(operator, /cannot update resource "webhookendpoints\/status"/);
    expect((await tenant.endpoint('flags')).status).toEqual({ observedGeneration: -1 });
  },
  secrets: async ({ tenant, receiver }) => {
    await tenant.createSecret('hook', { secret: 'my shared secret' });
    await tenant.createEndpoint('flags', { url: receiver.origin, signingKeys: signedBy('hook') });
    await reason(tenant, 'flags', 'SecretForbidden');
  },
  configmaps: async ({ tenant, receiver }) => {
    await tenant.createConfigMap('ca', { 'ca.crt': createAuthority().certificate });
    const tls = { caFrom: { configMapKeyRef: { name: 'ca', key: 'ca.crt' } } };
    await tenant.createEndpoint('flags', { url: receiver.origin, tls });
    await reason(tenant, 'flags', 'ConfigMapForbidden');
  },
  events: async ({ operator, tenant }) => {
    await tenant.createEvent('butter-bar');
    await logged(operator, /cannot create resource "events"/);
    await tenant.eventReason('butter-bar', 'NoMatchingEndpoint');
  },
  'services kubernetes': async ({ tenant }) => {
    await tenant.createEndpoint('other', { url: API_ENDPOINT });
    await reason(tenant, 'other', 'URLForbidden');
    await tenant.createEndpoint('api', { url: API_SERVICE });
    await reason(tenant, 'api', 'Ready');
  },
  endpointslices: async ({ tenant }) => {
    await tenant.createEndpoint('other', { url: API_SERVICE });
    await reason(tenant, 'other', 'URLForbidden');
    await tenant.createEndpoint('api', { url: API_ENDPOINT });
    await reason(tenant, 'api', 'Ready');
  },
  leases: async ({ operator, tenant }) => {
    await tenant.cluster.kubectl(['delete', 'lease', 'flagpost', '--namespace=flagpost-system']);
    await logged(operator, /cannot create resource "leases"/);
  },
  'leases flagpost': async ({ operator }) => {
    await logged(operator, /cannot get resource "leases"/);
    const { status, body } = await operator.get('/readyz');
    expect({ status, body }).toEqual({ status: 503, body: 'the Lease has not been read\n' });
  },
};
/** Its resources, and the names of objects that it is narrowed to. */
const ruleName = ({ resources, resourceNames = [] }: Rule) => [...resources, ...resourceNames].join(' ');
const userWithout = (rule: string) => `without-${rule.replaceAll(/[/ ]/g, '-')}`;

const clusterRules = ['flagpost', 'flagpost-references'].flatMap(
  (name) => deployed('ClusterRole', name).rules,
);
/** Of all namespaces, then of one each. */
const roles = [
  { namespace: undefined, rules: clusterRules },
  ...['flagpost-api-server', 'flagpost-leader-election'].map((name) => {
    const { metadata, rules } = deployed('Role', name);
    return { namespace: metadata.namespace, rules };
  }),
];
/** Outside of its Pod the operator does not know its own namespace. */
const args = ['--leader-elect', '--leader-election-namespace=flagpost-system'];

let cluster: ControlPlane;
let receiver: Receiver;
let operators: OperatorProcess[] = [];

/** Ends with its test: one that works in all namespaces would hide what the next one lacks. */
function started(operator: OperatorProcess): OperatorProcess {
  operators.push(operator);
  return operator;
}

beforeAll(async () => {
  [cluster, receiver] = await Promise.all([
    startControlPlane({
      audit: true,
      // An API server without it is asked for a list too, so that all that the operator may call is called.
      apiServerArgs: ['--feature-gates=WatchList=false'],
      users: Object.fromEntries(Object.keys(symptoms).map((rule) => [userWithout(rule), []])),
    }),
    startReceiver(),
  ]);
}, 60_000);

afterAll(async () => {
  await Promise.all([cluster?.stop(), receiver?.close()]);
});

afterEach(async () => {
  for (const operator of operators) operator.kill('SIGKILL');
  await Promise.all(operators.map(({ exited }) => exited));
  operators = [];
});

const applyOverlay = () => cluster.kubectl(['apply', '-k', overlayPath]);

test('kubectl apply -k creates all of deploy/overlays/cluster, without a warning', async () => {
  const { stdout, stderr, status } = await applyOverlay();

  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  expect(stdout.trim().split('\n').toSorted()).toEqual([
    'clusterrole.rbac.authorization.k8s.io/flagpost created',
    'clusterrole.rbac.authorization.k8s.io/flagpost-edit created',
    'clusterrole.rbac.authorization.k8s.io/flagpost-event-creator created',
    'clusterrole.rbac.authorization.k8s.io/flagpost-references created',
    'clusterrole.rbac.authorization.k8s.io/flagpost-view created',
    'clusterrolebinding.rbac.authorization.k8s.io/flagpost created',
    'clusterrolebinding.rbac.authorization.k8s.io/flagpost-references created',
    'customresourcedefinition.apiextensions.k8s.io/flagevents.flagpost.dev created',
    'customresourcedefinition.apiextensions.k8s.io/webhookendpoints.flagpost.dev created',
    'deployment.apps/flagpost created',
    'flowschema.flowcontrol.apiserver.k8s.io/flagpost-leader-election created',
    'namespace/flagpost-system created',
    'networkpolicy.networking.k8s.io/flagpost created',
    'role.rbac.authorization.k8s.io/flagpost-api-server created',
    'role.rbac.authorization.k8s.io/flagpost-leader-election created',
    'rolebinding.rbac.authorization.k8s.io/flagpost-api-server created',
    'rolebinding.rbac.authorization.k8s.io/flagpost-leader-election created',
    'service/flagpost-metrics created',
    'serviceaccount/flagpost created',
    'validatingadmissionpolicy.admissionregistration.k8s.io/webhookendpoint-secrets.flagpost.dev created',
    'validatingadmissionpolicybinding.admissionregistration.k8s.io/webhookendpoint-secrets.flagpost.dev created',
  ]);
  for (const plural of ['flagevents', 'webhookendpoints']) {
    await waitUntil(`${plural} to be served`, async () => {
      const answer = await cluster.request(`/apis/flagpost.dev/v1alpha1/${plural}`);
      return answer.status === 200;
    });
  }
});

test('a second kubectl apply -k changes nothing', async () => {
  const { stdout, status } = await applyOverlay();
  expect(status).toBe(0);
  expect(
    stdout
      .trim()
      .split('\n')
      .filter((line) => !line.endsWith(' unchanged')),
  ).toEqual([]);
});

describe('the namespace', () => {
  const { spec } = deployed('Deployment').spec.template;
  const tryPod = (podSpec: object) =>
    cluster.request('/api/v1/namespaces/flagpost-system/pods?dryRun=All', {
      method: 'POST',
      body: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'tried' }, spec: podSpec },
    });

  test("takes the Deployment's Pod", async () => {
    expect(await tryPod(spec)).toMatchObject({ status: 201 });
  });

  test('refuses a Pod that asks for more', async () => {
    const { status, body } = await tryPod({ ...spec, securityContext: {} });
    expect({ status, body: JSON.parse(body) }).toMatchObject({
      status: 403,
      body: { message: expect.stringContaining('violates PodSecurity "restricted') },
    });
  });
});

describe('the roles', () => {
  const where = (namespace: string | undefined) =>
    roles.some((role) => role.namespace === namespace) && namespace !== undefined ? ` in ${namespace}` : '';
  const grants = roles.flatMap(({ namespace, rules }) =>
    rules.flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) =>
          verbs.map((verb) => `${verb} ${resource} of "${group}"${where(namespace)}`),
        ),
      ),
    ),
  );

  test('grant the service account what the operator calls, and nothing else', async () => {
    const kubeconfig = await serviceAccountKubeconfig();
    await cluster.apply(JSON.stringify(endpointSlice));
    const tenant = await aTenant(cluster);
    await tenant.createSecret('hook', { secret: 'my shared secret' });
    await tenant.createConfigMap('ca', { 'ca.crt': createAuthority().certificate });
    const endpoint = {
      signingKeys: signedBy('hook'),
      tls: { caFrom: { configMapKeyRef: { name: 'ca', key: 'ca.crt' } } },
      retry: { initialDelaySeconds: 1 },
    };
    receiver.answerWith(() => 503);
    const first = started(await startOperatorProcess({ kubeconfig, namespaces: [], args }));
    await tenant.createEndpoint('flags', { url: receiver.origin, ...endpoint });
    await tenant.createEndpoint('audit', { url: receiver.origin, eventTypes: ['AUDIT_LOG'] });
    await tenant.createEndpoint('api-service', { url: API_SERVICE, eventTypes: ['AUDIT_LOG'] });
    await tenant.createEndpoint('api-endpoint', { url: API_ENDPOINT, eventTypes: ['AUDIT_LOG'] });
    await tenant.endpointReason('flags', 'Ready');
    await tenant.endpointReason('audit', 'Ready');
    await tenant.endpointReason('api-service', 'URLForbidden');
    await tenant.endpointReason('api-endpoint', 'URLForbidden');
    await tenant.createEvent('butter-bar');
    await tenant.createEvent('logged', anAuditLog());
    await tenant.deliveryReason('butter-bar', 'BadStatus');
    await tenant.deliveryReason('logged', 'BadStatus', 'audit');
    expect(await first.stop()).toBe(0);

    // Only now is the payload read by itself.
    receiver.answerWith(() => 200);
    const second = started(await startOperatorProcess({ kubeconfig, namespaces: [], args }));
    await tenant.eventReason('butter-bar', 'AllDelivered');
    await tenant.delete('webhookendpoint', 'api-service');
    await tenant.deliveryReason('logged', 'EndpointDeleted', 'api-service');
    await tenant.createEvent('brief', { ...aFlagUpdated(), ttlSecondsAfterFinished: 0 });
    await tenant.eventGone('brief');
    // What happens again is told by a patch.
    for (const reason of ['SecretNotFound', 'Ready', 'SecretNotFound']) {
      if (reason === 'Ready') await tenant.createSecret('hook', { secret: 'my shared secret' });
      else await tenant.delete('secret', 'hook');
      await tenant.endpointReason('flags', reason);
    }
    expect(await second.stop()).toBe(0);

    const calls = await callsOf(SERVICE_ACCOUNT);
    expect(calls.filter(({ responseStatus }) => responseStatus?.code === 403)).toEqual([]);
    expect(first.output() + second.output()).not.toMatch(/cannot \w+ resource/);
    const used = calls.map(({ verb, objectRef }) => {
      const resource = [objectRef?.resource, objectRef?.subresource].filter(Boolean).join('/');
      return `${verb} ${resource} of "${objectRef?.apiGroup ?? ''}"${where(objectRef?.namespace)}`;
    });
    expect([...new Set(used)].toSorted()).toEqual(grants.toSorted());
  }, 120_000);

  describe('without the rule on', () => {
    beforeAll(async () => {
      receiver.answerWith(() => 200);
      const items = Object.keys(symptoms).flatMap((name) =>
        roles.flatMap(({ namespace, rules }) =>
          boundRole(
            namespace,
            userWithout(name),
            rules.filter((rule) => ruleName(rule) !== name),
          ),
        ),
      );
      await cluster.apply(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
    });
    test.each(roles.flatMap(({ rules }) => rules.map(ruleName)))(
      '%s something is missing that a person sees',
      async (rule) => {
        const tenant = await aTenant(cluster);
        const kubeconfig = cluster.userKubeconfig(userWithout(rule));
        // One that was killed still has the Lease, so only where it matters is it asked for.
        const flags = rule.startsWith('leases') ? args : [];
        const operator = started(spawnOperator({ kubeconfig, namespaces: [tenant.namespace], args: flags }));
        expect(symptoms).toHaveProperty([rule]);
        await symptoms[rule]?.({ operator, tenant, receiver });
      },
      2 * START_MILLISECONDS,
    );
  });
});

/** As the Pod has it: of the ServiceAccount, with the bindings of the overlay. */
async function serviceAccountKubeconfig(): Promise<string> {
  const { stdout } = await cluster.kubectl(['create', 'token', 'flagpost', '--namespace=flagpost-system']);
  const path = join(cluster.folder, 'service-account.kubeconfig');
  await writeKubeconfig(path, { server: cluster.server, ca: cluster.ca, token: stdout.trim() });
  return path;
}

interface Call {
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly objectRef?: {
    readonly resource: string;
    readonly subresource?: string;
    readonly apiGroup?: string;
    readonly namespace?: string;
  };
  readonly responseStatus?: { readonly code: number };
}

/** What the audit log has of a user. */
async function callsOf(username: string): Promise<Call[]> {
  const lines = (await readFile(cluster.auditLogPath, 'utf8')).trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Call).filter(({ user }) => user.username === username);
}
