/** All that the chart can be told, at once as far as it goes. */
export const everything = {
  image: {
    repository: 'registry.example/flagpost',
    digest: `sha256:${'0'.repeat(64)}`,
    pullPolicy: 'Always',
  },
  imagePullSecrets: [{ name: 'registry' }],
  replicas: 3,
  access: 'namespaced',
  namespaces: ['shop', 'billing'],
  flags: {
    'allow-cidr': ['10.1.2.0/24', 'fd12::/48'],
    'ttl-failed-seconds': 2_147_483_647,
    'log-level': 'debug',
    'shutdown-grace-seconds': 60,
  },
  env: [{ name: 'NODE_EXTRA_CA_CERTS', value: '/ca/ca.crt' }],
  nodeSelector: { 'kubernetes.io/arch': 'arm64' },
  tolerations: [{ key: 'spot', operator: 'Exists' }],
  affinity: { nodeAffinity: {} },
  topologySpreadConstraints: [
    { maxSkew: 2, topologyKey: 'rack', whenUnsatisfiable: 'DoNotSchedule', labelSelector: {} },
  ],
  priorityClassName: 'high',
  podAnnotations: { 'shop.example/a': 'b' },
  podLabels: { team: 'shop' },
  serviceAccount: { annotations: { 'shop.example/role': 'sender' } },
  policies: { httpsOnly: true, allowedHosts: true, redeliverAndTest: true },
  networkPolicy: { egress: [{ ports: [{ port: 443 }] }] },
  serviceMonitor: { create: true },
};
/** Without what can be left out. */
const nothing = {
  ...Object.fromEntries(
    ['admissionPolicy', 'userRoles', 'networkPolicy', 'flowSchema'].map((name) => [name, { create: false }]),
  ),
  crds: { install: false },
};

/** Values for the chart, by what they are. */
export const valueSets: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'the defaults': {},
  'opt-in': { access: 'opt-in' },
  namespaced: { access: 'namespaced', namespaces: ['shop'] },
  'two replicas': { replicas: 2 },
  everything,
  nothing,
};
