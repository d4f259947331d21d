// What `npm run bench` measures Flagpost against, as a process of its own: the least that delivers events and records
// it. One watch, a POST of the signed body to one fixed URL, a PUT of the status, all on one shared Agent. No list, no
// retries, no endpoints, no checks; whatever else goes wrong ends it.
import { createHmac } from 'node:crypto';
import { Agent, request } from 'undici';

export interface BareLoopOptions {
  readonly server: string;
  /** PEM. */
  readonly ca: string;
  readonly token: string;
  readonly namespace: string;
  readonly url: string;
  readonly secret: string;
}

interface WatchLine {
  readonly type: string;
  readonly object: {
    readonly metadata: {
      readonly name: string;
      readonly resourceVersion: string;
      readonly generation: number;
    };
    readonly spec: { readonly type: string; readonly flagUpdated: unknown };
  };
}

// More were no faster, and fewer slower.
const CONNECTIONS = 16;

const options = JSON.parse(process.env['BARE_LOOP'] ?? '') as BareLoopOptions;
const { server, ca, token, namespace, url, secret } = options;
const dispatcher = new Agent({ allowH2: false, connections: CONNECTIONS + 1, connect: { ca } });
const events = `${server}/apis/flagpost.dev/v1alpha1/namespaces/${namespace}/flagevents`;
const authorization = `Bearer ${token}`;

async function deliver({ metadata, spec }: WatchLine['object']): Promise<void> {
  const body = JSON.stringify({ data: spec.flagUpdated, event_type: spec.type });
  const signature = createHmac('sha256', secret).update(body).digest('hex');
  const sent = await request(url, {
    method: 'POST',
    dispatcher,
    headers: { 'content-type': 'application/json', 'x-flagsmith-signature': signature },
    body,
  });
  await sent.body.dump();
  if (sent.statusCode !== 200) throw new Error(`the receiver answered ${sent.statusCode}`);
  await record(metadata);
}

async function record({ name, resourceVersion, generation }: WatchLine['object']['metadata']): Promise<void> {
  const now = new Date().toISOString();
  const succeeded = {
    type: 'Succeeded',
    status: 'True',
    reason: 'AllDelivered',
    message: '',
    lastTransitionTime: now,
  };
  const written = await request(`${events}/${name}/status`, {
    method: 'PUT',
    dispatcher,
    headers: {
      authorization,
      'content-type': 'application/json',
      accept: 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1',
    },
    body: JSON.stringify({
      apiVersion: 'flagpost.dev/v1alpha1',
      kind: 'FlagEvent',
      metadata: { name, namespace, resourceVersion },
      status: { observedGeneration: generation, completionTime: now, conditions: [succeeded] },
    }),
  });
  if (written.statusCode !== 200) throw new Error(await written.body.text());
  await written.body.dump();
}

// The API server ends a watch that does not keep up with it.
for (let version = ''; ;) {
  const from = version && `&resourceVersion=${version}`;
  const watch = await request(`${events}?watch=true&fieldSelector=status.completionTime%3D${from}`, {
    dispatcher,
    headers: { authorization },
  });
  let rest = '';
  for await (const chunk of watch.body.setEncoding('utf8')) {
    const lines = `${rest}${String(chunk)}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const { type, object } = JSON.parse(line) as WatchLine;
      if (type === 'ERROR') throw new Error(line);
      version = object.metadata.resourceVersion;
      if (type === 'ADDED') void deliver(object);
    }
  }
}
