import { z } from 'zod';
import { crdKeywords, type CrdKeywords } from './crdKeywords.ts';
import { flagEventResource } from './flagEvent.ts';
import { flagEventColumns, webhookEndpointColumns, type PrinterColumn } from './printerColumns.ts';
import { webhookEndpointResource } from './webhookEndpoint.ts';

const GROUP = 'flagpost.dev';
const VERSION = 'v1alpha1';

interface Names {
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortName: string;
}

interface Resource extends Names {
  readonly schema: z.ZodType;
  readonly columns: readonly PrinterColumn[];
  /** JSON paths that field selectors may name. */
  readonly selectableFields: readonly string[];
}

/** An object of kind CustomResourceDefinition, apiextensions.k8s.io/v1. */
export type CustomResourceDefinition = ReturnType<typeof customResourceDefinition>;

const CONVENTIONS = 'https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md';

/** What every object has, described as the API server describes its own kinds. */
const TYPE_META: Readonly<Record<string, CrdKeywords>> = {
  apiVersion: {
    type: 'string',
    description: `APIVersion defines the versioned schema of this representation of an object. More info: ${CONVENTIONS}#resources`,
  },
  kind: {
    type: 'string',
    description: `Kind is the REST resource this object represents. Cannot be updated. More info: ${CONVENTIONS}#types-kinds`,
  },
  metadata: { type: 'object' },
};

/** `int32` where the bounds allow it, else `int64`. */
function integerFormat({ minimum = -Infinity, maximum = Infinity }: CrdKeywords): string {
  return minimum >= -(2 ** 31) && maximum < 2 ** 31 ? 'int32' : 'int64';
}

/** Turns what zod says about a schema into what a structural schema may say, and adds what the registry has. */
function toStructural(zodSchema: z.core.$ZodType, json: z.core.JSONSchema.BaseSchema): void {
  if (json.type === 'integer') json.format = integerFormat(json as CrdKeywords);
  // A union of types can't be said; the keywords in the registry say what they can.
  delete json.anyOf;
  Object.assign(json, crdKeywords.get(zodSchema));
  if (json.type === undefined) delete json.type;
}

/** The structural schema of a zod schema. */
function structuralSchema(schema: z.ZodType): CrdKeywords {
  const json = z.toJSONSchema(schema, {
    target: 'openapi-3.0',
    io: 'input',
    reused: 'inline',
    // z.custom: the registry says what it is.
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => toStructural(zodSchema, jsonSchema),
  });
  return JSON.parse(JSON.stringify(json)) as CrdKeywords;
}

function customResourceDefinition(resource: Resource) {
  const schema = structuralSchema(resource.schema);
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${resource.plural}.${GROUP}`,
      labels: { 'app.kubernetes.io/name': 'flagpost', 'app.kubernetes.io/component': 'crds' },
    },
    spec: {
      group: GROUP,
      scope: 'Namespaced',
      names: {
        kind: resource.kind,
        listKind: `${resource.kind}List`,
        plural: resource.plural,
        singular: resource.singular,
        shortNames: [resource.shortName],
        categories: ['flagpost'],
      },
      conversion: { strategy: 'None' },
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          subresources: { status: {} },
          ...(resource.selectableFields.length > 0 && {
            selectableFields: resource.selectableFields.map((jsonPath) => ({ jsonPath })),
          }),
          additionalPrinterColumns: resource.columns,
          schema: { openAPIV3Schema: { ...schema, properties: { ...TYPE_META, ...schema.properties } } },
        },
      ],
    },
  };
}

/** The CRD of WebhookEndpoint. */
export function webhookEndpointCrd(): CustomResourceDefinition {
  return customResourceDefinition({
    kind: 'WebhookEndpoint',
    plural: 'webhookendpoints',
    singular: 'webhookendpoint',
    shortName: 'whe',
    schema: webhookEndpointResource,
    columns: webhookEndpointColumns,
    selectableFields: [],
  });
}

/** The CRD of FlagEvent. */
export function flagEventCrd(): CustomResourceDefinition {
  return customResourceDefinition({
    kind: 'FlagEvent',
    plural: 'flagevents',
    singular: 'flagevent',
    shortName: 'fev',
    schema: flagEventResource,
    columns: flagEventColumns,
    selectableFields: ['.status.completionTime', '.spec.type'],
  });
}
