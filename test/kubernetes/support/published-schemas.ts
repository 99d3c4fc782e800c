import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/** What of an OpenAPI 2 schema kubectl looks at. */
export interface Schema {
  readonly ref?: string;
  readonly type?: 'string' | 'number' | 'boolean' | 'array' | 'object';
  readonly items?: Schema;
  readonly values?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

/** Schemas by name, as they refer to each other. */
export type Definitions = Readonly<Record<string, Schema>>;

/** Where a package that was made from what Kubernetes publishes has the types of each kind. */
const modules = {
  Namespace: 'v1',
  ServiceAccount: 'v1',
  ResourceQuota: 'v1',
  LimitRange: 'v1',
  Pod: 'v1',
  NetworkPolicy: 'networking.k8s.io/v1',
  Role: 'rbac.authorization.k8s.io/v1',
  RoleBinding: 'rbac.authorization.k8s.io/v1',
} as const;

export type PublishedKind = keyof typeof modules;
export const publishedKinds = Object.entries(modules) as readonly (readonly [PublishedKind, string])[];

/** The schemas of these kinds and of all that is in them, each kind under its own name, others by the name of their interface. */
export function publishedSchemas(): Definitions {
  const folder = dirname(fileURLToPath(import.meta.resolve('kubernetes-models')));
  const files = publishedKinds.map(([kind, path]) => join(folder, path, `${kind}.d.ts`));
  const program = ts.createProgram(files, {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    noLib: true,
    types: [],
    strict: true,
  });
  const reader = new Reader(program.getTypeChecker());
  for (const [index, file] of files.entries())
    reader.read(program.getSourceFile(file), publishedKinds[index]?.[0] ?? '');
  return reader.definitions;
}

class Reader {
  readonly definitions: Record<string, Schema> = {};
  readonly #checker: ts.TypeChecker;

  constructor(checker: ts.TypeChecker) {
    this.#checker = checker;
  }

  read(file: ts.SourceFile | undefined, kind: string): void {
    const found = file?.statements.find(
      (one): one is ts.InterfaceDeclaration => ts.isInterfaceDeclaration(one) && one.name.text === `I${kind}`,
    );
    if (found === undefined) throw new Error(`no interface I${kind}`);
    this.definitions[kind] = this.#fields(this.#checker.getTypeAtLocation(found));
  }

  #fields(type: ts.Type): Schema {
    const fields = this.#checker.getPropertiesOfType(type);
    const schemas = fields.map((one) => [one.name, this.#schema(this.#declared(one))] as const);
    const required = fields.filter((one) => (one.flags & ts.SymbolFlags.Optional) === 0).map(({ name }) => name);
    return { type: 'object', properties: Object.fromEntries(schemas), required };
  }

  #declared(symbol: ts.Symbol): ts.TypeNode {
    const [declaration] = symbol.declarations ?? [];
    if (declaration === undefined || !ts.isPropertySignature(declaration) || declaration.type === undefined) {
      throw new Error(`${symbol.name} has no type`);
    }
    return declaration.type;
  }

  /** Of what is written there: without a library of its own the compiler knows no `Array`. */
  #schema(node: ts.TypeNode): Schema {
    if (ts.isTypeReferenceNode(node)) {
      const [element] = node.typeArguments ?? [];
      if (element !== undefined) return { type: 'array', items: this.#schema(element) };
      return this.#named(node);
    }
    if (ts.isTypeLiteralNode(node)) {
      const [member] = node.members;
      if (member === undefined) return { type: 'object' };
      if (ts.isIndexSignatureDeclaration(member)) return { type: 'object', values: this.#schema(member.type) };
    }
    return { type: this.#primitive(node) };
  }

  #named(node: ts.TypeReferenceNode): Schema {
    const type = this.#checker.getTypeAtLocation(node);
    if ((type.flags & ts.TypeFlags.Object) === 0) return { type: this.#primitive(node) };
    const { name } = type.symbol;
    const key = publishedKinds.some(([kind]) => name === `I${kind}`) ? name.slice(1) : this.#path(type.symbol);
    if (this.definitions[key] === undefined) {
      // Before its fields: some of them lead back here.
      this.definitions[key] = {};
      this.definitions[key] = this.#fields(type);
    }
    return { ref: key };
  }

  /** Interfaces of two versions have one name. */
  #path(symbol: ts.Symbol): string {
    const file = symbol.declarations?.[0]?.getSourceFile().fileName ?? '';
    return file
      .replace(/^.*node_modules\//, '')
      .replace(/\.d\.ts$/, '')
      .replaceAll(/[^a-zA-Z0-9.]/g, '.');
  }

  /** A quantity is a string or a number, and published as a string, of which kubectl says that numbers are some. */
  #primitive(node: ts.TypeNode): 'string' | 'number' | 'boolean' {
    const type = this.#checker.getTypeAtLocation(node);
    const parts = type.isUnion() ? type.types : [type];
    const is = (flags: ts.TypeFlags) => parts.some((one) => (one.flags & flags) !== 0);
    if (is(ts.TypeFlags.StringLike)) return 'string';
    if (is(ts.TypeFlags.NumberLike)) return 'number';
    if (is(ts.TypeFlags.BooleanLike)) return 'boolean';
    throw new Error(`${node.getText()} is of no known type`);
  }
}
