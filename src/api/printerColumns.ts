/** A column of `kubectl get`; those of priority 1 are shown by `-o wide` only. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean' | 'date';
  readonly priority?: 1;
  readonly description: string;
  readonly jsonPath: string;
}

const condition = (type: string, field: 'status' | 'reason'): string =>
  `.status.conditions[?(@.type=="${type}")].${field}`;

const AGE: PrinterColumn = {
  name: 'Age',
  type: 'date',
  description: 'Time since the object was created.',
  jsonPath: '.metadata.creationTimestamp',
};

export const webhookEndpointColumns: readonly PrinterColumn[] = [
  {
    name: 'Ready',
    type: 'string',
    description: 'Whether the configuration can be used.',
    jsonPath: condition('Ready', 'status'),
  },
  {
    name: 'Reason',
    type: 'string',
    description: 'The reason of the Ready condition.',
    jsonPath: condition('Ready', 'reason'),
  },
  {
    name: 'Delivering',
    type: 'string',
    description: 'Whether the receiver answers.',
    jsonPath: condition('Delivering', 'status'),
  },
  {
    name: 'Host',
    type: 'string',
    description: 'The host that events are sent to.',
    jsonPath: '.status.host',
  },
  {
    name: 'Pending',
    type: 'integer',
    description: 'Deliveries that have not ended.',
    jsonPath: '.status.pendingDeliveries',
  },
  {
    name: 'Last Success',
    type: 'date',
    description: 'When the receiver last answered 2xx.',
    jsonPath: '.status.lastSuccessTime',
  },
  AGE,
  {
    name: 'Events',
    type: 'string',
    priority: 1,
    description: 'The event types it receives.',
    jsonPath: '.spec.eventTypes',
  },
  {
    name: 'Failures',
    type: 'integer',
    priority: 1,
    description: 'Failed attempts since the last success.',
    jsonPath: '.status.consecutiveFailures',
  },
  {
    name: 'Suspended',
    type: 'boolean',
    priority: 1,
    description: 'Whether deliveries are held.',
    jsonPath: '.spec.suspend',
  },
];

export const flagEventColumns: readonly PrinterColumn[] = [
  { name: 'Type', type: 'string', description: 'The type of the event.', jsonPath: '.spec.type' },
  {
    name: 'Succeeded',
    type: 'string',
    description: 'Whether every delivery succeeded; Unknown while they are under way.',
    jsonPath: condition('Succeeded', 'status'),
  },
  {
    name: 'Reason',
    type: 'string',
    description: 'The reason of the Succeeded condition.',
    jsonPath: condition('Succeeded', 'reason'),
  },
  {
    name: 'Delivered',
    type: 'string',
    description: 'Deliveries that succeeded, of all.',
    jsonPath: '.status.delivered',
  },
  AGE,
  {
    name: 'Feature',
    type: 'string',
    priority: 1,
    description: "The feature's name (FLAG_UPDATED).",
    jsonPath: '.spec.flagUpdated.new_state.feature.name',
  },
  {
    name: 'Environment',
    type: 'string',
    priority: 1,
    description: "The environment's name (FLAG_UPDATED).",
    jsonPath: '.spec.flagUpdated.new_state.environment.name',
  },
  {
    name: 'Changed By',
    type: 'string',
    priority: 1,
    description: 'Who made the change (FLAG_UPDATED).',
    jsonPath: '.spec.flagUpdated.changed_by',
  },
  {
    name: 'Completed',
    type: 'date',
    priority: 1,
    description: 'When the last delivery ended.',
    jsonPath: '.status.completionTime',
  },
];
