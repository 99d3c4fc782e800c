import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type GroupVersionKind, openApiDocument } from './openapi-wire.js';
import { type Definitions, publishedKinds, publishedSchemas } from './published-schemas.js';

const sandboxGroup = 'agents.x-k8s.io';
const sandboxVersions = ['v1beta1', 'v1alpha1'] as const;

/** Of the agent-sandbox API: nobody publishes it as a package, so these are the fields of its types, the pod's own in it. */
function sandboxSchema({ Pod: pod }: Definitions): Definitions {
  const { metadata = {}, spec = {} } = pod?.properties ?? {};
  const texts = { type: 'object', values: { type: 'string' } } as const;
  const podMetadata = { type: 'object', properties: { labels: texts, annotations: texts } } as const;
  return {
    Sandbox: {
      type: 'object',
      required: ['spec'],
      properties: { apiVersion: { type: 'string' }, kind: { type: 'string' }, metadata, spec: { ref: 'SandboxSpec' } },
    },
    SandboxSpec: {
      type: 'object',
      required: ['podTemplate'],
      properties: {
        podTemplate: { type: 'object', required: ['spec'], properties: { metadata: podMetadata, spec } },
        shutdownTime: { type: 'string' },
        shutdownPolicy: { type: 'string' },
      },
    },
  };
}

function served(): readonly GroupVersionKind[] {
  const published = publishedKinds.map(([kind, path]) => {
    const [version = '', group = ''] = path.split('/').reverse();
    return { group, version, kind };
  });
  return [...published, ...sandboxVersions.map((version) => ({ group: sandboxGroup, version, kind: 'Sandbox' }))];
}

/** Of each kind, as a list of resources has it. */
function resource({ kind }: GroupVersionKind) {
  const plural = kind.endsWith('y') ? `${kind.slice(0, -1)}ies` : `${kind}${kind.endsWith('x') ? 'es' : 's'}`;
  const verbs = ['create', 'get', 'patch'];
  return { name: plural.toLowerCase(), singularName: '', namespaced: kind !== 'Namespace', kind, verbs };
}

function answers(kinds: readonly GroupVersionKind[]): Readonly<Record<string, unknown>> {
  const versions = [...new Set(kinds.map(({ group, version }) => `${group}/${version}`))];
  const lists = versions.map((one) => {
    const groupVersion = one.replace(/^\//, '');
    const resources = kinds.filter(({ group, version }) => one === `${group}/${version}`).map(resource);
    const path = one.startsWith('/') ? `/api${one}` : `/apis/${one}`;
    return [path, { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources }] as const;
  });
  const groups = [...new Set(kinds.map(({ group }) => group))].filter((group) => group !== '');
  const listed = groups.map((name) => {
    const of = kinds.filter(({ group }) => group === name).map(({ version }) => version);
    const each = [...new Set(of)].map((version) => ({ groupVersion: `${name}/${version}`, version }));
    return { name, versions: each, preferredVersion: each[0] };
  });
  return {
    '/version': { major: '1', minor: '33', gitVersion: 'v1.33.0' },
    '/api': { kind: 'APIVersions', versions: ['v1'] },
    '/apis': { kind: 'APIGroupList', apiVersion: 'v1', groups: listed },
    ...Object.fromEntries(lists),
  };
}

const notFound = { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'NotFound', code: 404 };

/**
 * As much of an API server, on the loopback, as kubectl asks before it would send anything: which kinds there are, and their schemas. It has no
 * objects, and does not check fields itself, so that kubectl does.
 */
export class ApiServer implements AsyncDisposable {
  /** `METHOD path` of all that was asked. */
  readonly asked: string[] = [];
  readonly #server = createServer();

  static async start(): Promise<ApiServer> {
    const api = new ApiServer();
    const kinds = served();
    const published = publishedSchemas();
    const definitions = { ...published, ...sandboxSchema(published) };
    const document = openApiDocument(definitions, kinds);
    const bodies = answers(kinds);
    api.#server.on('request', ({ method = '', url = '' }, response) => {
      const path = url.replace(/\?.*/, '');
      api.asked.push(`${method} ${path}`);
      if (path === '/openapi/v2') {
        response.writeHead(200, { 'content-type': 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf' });
        response.end(document);
        return;
      }
      const body = bodies[path];
      response.writeHead(body === undefined ? 404 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body ?? notFound));
    });
    await new Promise<void>((resolve) => api.#server.listen(0, '127.0.0.1', resolve));
    return api;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }
}
