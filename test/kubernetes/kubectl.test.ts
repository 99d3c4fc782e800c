import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';
import { sandboxApis } from '../../src/kube/hand-over.js';
import { paddock } from '../e2e/support/paddock.js';
import { Place } from '../e2e/support/place.js';
import { ApiServer } from './support/api-server.js';
import { kubectl, type Said } from './support/kubectl.js';
import { misspellings } from './support/misspell.js';

/** As a person hands it over and looks at it before it is applied. */
describe('what is handed over to a cluster, read by kubectl', () => {
  let place: Place;
  let api: ApiServer;
  beforeAll(async () => {
    place = await Place.make();
    api = await ApiServer.start();
  });
  afterAll(async () => {
    await api[Symbol.asyncDispose]();
    await place[Symbol.asyncDispose]();
  });

  const read = async (file: string): Promise<Said> =>
    await kubectl(api, place.root, ['apply', '--dry-run=client', '--validate=true', '--recursive', '-f', file]);

  async function handedOver(...options: readonly string[]): Promise<string> {
    const image = ['--image', 'registry.example/agents/base:1'];
    const more = ['--project', place.project, '--disk', '1g', '--env', 'A=yes'];
    const folder = ['--output', join(place.root, 'handed-over')];
    const done = await paddock(place, [
      'kube',
      'strict',
      ...image,
      ...more,
      ...folder,
      ...options,
      '--',
      'sleep',
      '60',
    ]);
    expect(done.stderr).toBe('');
    return join(place.root, 'handed-over', 'paddock.yaml');
  }

  async function manifests(file: string): Promise<readonly unknown[]> {
    return parseAllDocuments(await readFile(file, 'utf8')).map((one) => one.toJS() as unknown);
  }

  const ways: readonly (readonly [string, readonly string[]])[] = [
    ['pod', []],
    ...sandboxApis.map((version) => ['sandbox.agents.x-k8s.io', ['--agent-sandbox', version]] as const),
  ];

  it.each(ways)('is taken object for object, with a %s by %j, and nothing is sent', async (workload, options) => {
    const said = await read(await handedOver(...options));
    expect(said).toMatchObject({ status: 0, stderr: '' });
    expect(said.stdout.trimEnd().split('\n')).toEqual(
      [
        ...['namespace', 'serviceaccount', 'role.rbac.authorization.k8s.io', 'rolebinding.rbac.authorization.k8s.io'],
        ...['networkpolicy.networking.k8s.io', 'resourcequota', 'limitrange', workload],
      ].map((one) => `${one}/paddock-strict created (dry run)`),
    );
    expect(api.asked.filter((one) => !one.startsWith('GET '))).toEqual([]);
    expect(api.asked).toContain('GET /openapi/v2');
  });

  it.each(ways)('is refused for each of its fields that is misspelt, with a %s by %j', async (_workload, options) => {
    const wrong = (await manifests(await handedOver(...options))).flatMap(misspellings);
    expect(wrong.length).toBeGreaterThan(100);
    const folder = join(place.root, ['misspelt', ...options].join('-'));
    await mkdir(folder);
    for (const { field, document } of wrong) await writeFile(join(folder, `${field}.yaml`), stringify(document));
    const { status, stdout, stderr } = await read(folder);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(wrong.filter(({ field }) => !stderr.includes(`/${field}.yaml"`)).map(({ field }) => field)).toEqual([]);
  });
});
