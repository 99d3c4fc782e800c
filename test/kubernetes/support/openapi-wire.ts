import type { Definitions, Schema } from './published-schemas.js';

/** A group, version and kind, under which a schema is looked up. */
export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** Numbers of fields in the messages of gnostic's `openapi.v2` that are written here. */
const document = { swagger: 1, definitions: 9 } as const;
const named = { name: 1, value: 2 } as const;
const schema = { ref: 1, required: 19, additional: 21, type: 22, items: 23, properties: 25, extension: 31 } as const;
const yaml = 2;
const first = 1;

/**
 * An OpenAPI 2 document as kubectl takes it: it asks for the binary form and for no other. A definition with the name of a
 * kind is what is looked up for it.
 */
export function openApiDocument(definitions: Definitions, kinds: readonly GroupVersionKind[]): Buffer {
  const each = Object.entries(definitions).map(([name, one]) =>
    field(
      first,
      namedValue(name, Buffer.concat([schemaBytes(one), extensionOf(kinds.filter(({ kind }) => kind === name))])),
    ),
  );
  return Buffer.concat([text(document.swagger, '2.0'), field(document.definitions, ...each)]);
}

function extensionOf(kinds: readonly GroupVersionKind[]): Buffer {
  if (kinds.length === 0) return Buffer.alloc(0);
  // JSON is YAML.
  const value = text(yaml, JSON.stringify(kinds));
  return field(schema.extension, namedValue('x-kubernetes-group-version-kind', value));
}

function schemaBytes({ ref, type, items, values, properties, required = [] }: Schema): Buffer {
  const fields = Object.entries(properties ?? {}).map(([name, one]) =>
    field(first, namedValue(name, schemaBytes(one))),
  );
  return Buffer.concat([
    ...(ref === undefined ? [] : [text(schema.ref, `#/definitions/${ref}`)]),
    ...(type === undefined ? [] : [field(schema.type, text(first, type))]),
    ...(items === undefined ? [] : [field(schema.items, field(first, schemaBytes(items)))]),
    ...(values === undefined ? [] : [field(schema.additional, field(first, schemaBytes(values)))]),
    ...(properties === undefined ? [] : [field(schema.properties, ...fields)]),
    ...required.map((name) => text(schema.required, name)),
  ]);
}

function namedValue(name: string, value: Buffer): Buffer {
  return Buffer.concat([text(named.name, name), field(named.value, value)]);
}

function text(number: number, value: string): Buffer {
  return field(number, Buffer.from(value));
}

/** A field of the wire type for what has a length. */
function field(number: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([varint(number * 8 + 2), varint(body.length), body]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) + 128);
  }
}
