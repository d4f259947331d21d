import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { deployment } from '../support/deployment.ts';
import { kustomizeWith } from '../support/kustomize.ts';

const namespace = z.literal('flagpost-system');
const labels = z.record(z.string(), z.string());
const selector = z.strictObject({ matchLabels: labels });
const endpoints = z.tuple([z.strictObject({ port: z.string() })]);
/** What is used here of monitoring.coreos.com/v1, whose CRDs a test can't have. */
const schemas = {
  ServiceMonitor: z.object({
    apiVersion: z.literal('monitoring.coreos.com/v1'),
    metadata: z.object({ name: z.string(), namespace }),
    spec: z.strictObject({ selector, endpoints }),
  }),
  PodMonitor: z.object({
    apiVersion: z.literal('monitoring.coreos.com/v1'),
    metadata: z.object({ name: z.string(), namespace }),
    spec: z.strictObject({ selector, podMetricsEndpoints: endpoints }),
  }),
  Service: z.object({
    metadata: z.object({ labels, namespace }),
    spec: z.object({
      selector: labels,
      ports: z.tuple([z.object({ name: z.string(), port: z.number(), targetPort: z.string() })]),
    }),
  }),
  Deployment: deployment.refine(({ metadata }) => namespace.safeParse(metadata.namespace).success),
};

function withComponent(components: string) {
  const objects = kustomizeWith({ resources: 'overlays/cluster', components });
  return <K extends keyof typeof schemas>(wanted: K) =>
    schemas[wanted].parse(objects.find(({ kind }) => kind === wanted)) as z.infer<(typeof schemas)[K]>;
}

test('a ServiceMonitor finds the Service of the metrics', () => {
  const object = withComponent('components/service-monitor');
  const { spec } = object('ServiceMonitor');
  const service = object('Service');
  expect(service.metadata.labels).toMatchObject(spec.selector.matchLabels);
  expect(spec.endpoints[0].port).toBe(service.spec.ports[0].name);
});

test('the Service finds the Pods, and the port of the metrics', () => {
  const object = withComponent('components/service-monitor');
  const { spec } = object('Service');
  const { template } = object('Deployment').spec;
  expect(template.metadata.labels).toMatchObject(spec.selector);
  const port = template.spec.containers[0].ports.find(({ name }) => name === spec.ports[0].targetPort);
  expect(port?.containerPort).toBe(spec.ports[0].port);
});

test('a PodMonitor finds the Pods and the port of the metrics', () => {
  const object = withComponent('components/pod-monitor');
  const { spec } = object('PodMonitor');
  const { template } = object('Deployment').spec;
  expect(template.metadata.labels).toMatchObject(spec.selector.matchLabels);
  expect(template.spec.containers[0].ports.map(({ name }) => name)).toContain(
    spec.podMetricsEndpoints[0].port,
  );
});
