import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { kube } from '../../../src/cli/commands/kube.js';
import { newSessionId } from '../../../src/kit/random-id.js';
import type { SessionRecord } from '../../../src/session/record.js';
import { RecordStore } from '../../../src/session/store.js';
import { mib } from '../policy/support/context.js';
import { record } from '../session/support/records.js';

let folder: string;
let session: SessionRecord;

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'pdk-kube-')));
  const plain = record();
  const limits = { ...plain.spec.limits, memoryBytes: 96 * mib, cpuMillis: 250, pids: 7 };
  // As a record has them: names without values.
  const env = { HOME: '', LANG: '', PATH: '', TERM: '', API_TOKEN: '' };
  const spec = { ...plain.spec, limits, env, lifetimeMs: 90_000, workdir: '/srv', seccomp: 'debug' as const };
  session = record({ kind: 'detached', name: 'mine', deadlineAtMs: Date.UTC(2031, 0, 1), spec });
  await new RecordStore(join(folder, 'paddock'), folder).save(session);
});
afterEach(() => rm(folder, { recursive: true }));

type Values = Readonly<Record<string, string>>;
const image = 'registry.example/agents/base:1';

interface Made {
  readonly manifests: readonly {
    readonly kind: string;
    readonly metadata: { readonly name: string; readonly namespace?: string };
    readonly spec?: object;
  }[];
  readonly notes: readonly string[];
}

async function handedOver(subject: string, values: Values): Promise<Made> {
  const stdout = new PassThrough();
  const terminal = {
    stdin: new PassThrough(),
    stdout,
    stderr: new PassThrough(),
    stderrIsTerminal: false,
    screen: undefined,
  };
  const env = { XDG_STATE_HOME: folder, XDG_RUNTIME_DIR: folder, XDG_CONFIG_HOME: folder };
  const { signal } = new AbortController();
  const context = { values, positionals: [subject], rest: ['sleep', '9'], json: true, env, terminal, signal };
  // It waits for a reader: that is more than a pipe holds.
  const said = text(stdout);
  expect(await kube.run(context)).toBe(0);
  stdout.end();
  return JSON.parse(await said) as Made;
}

it('hands over a session as its record has it, whatever a profile would give by now', async () => {
  const { manifests } = await handedOver(session.id, { image, machine: 'amd64' });
  const pod = manifests.at(-1);
  expect(pod).toMatchObject({ kind: 'Pod', metadata: { name: 'mine', namespace: 'paddock-mine' } });
  const amounts = { cpu: '250m', memory: String(96 * mib) };
  expect(pod?.spec).toMatchObject({
    activeDeadlineSeconds: 90,
    securityContext: { seccompProfile: { type: 'Localhost', localhostProfile: 'paddock/debug-amd64.json' } },
    containers: [
      { image, command: ['sleep', '9'], workingDir: '/srv', resources: { requests: amounts, limits: amounts } },
    ],
  });
});

it('names the variables of a session whose values nobody has kept, and sets none of them to nothing', async () => {
  const { manifests, notes } = await handedOver(session.id, { image });
  expect(notes).toContainEqual(expect.stringMatching(/set these yourself: API_TOKEN$/));
  expect(notes).toContain("the session's PATH is left out: the image has its own");
  expect(notes).toContainEqual(expect.stringContaining('at most 7 processes'));
  expect(JSON.stringify(manifests)).not.toContain('API_TOKEN');
  expect(manifests.at(-1)?.spec).toMatchObject({
    containers: [{ env: expect.arrayContaining([{ name: 'LANG', value: 'C.UTF-8' }]) as unknown }],
  });
});

it.each(['kube-system', 'default', 'Kube_System', 'paddock-kube'])(
  'puts a session that its maker has called %s into no namespace of others',
  async (name) => {
    await new RecordStore(join(folder, 'paddock'), folder).save({ ...session, name });
    const { manifests } = await handedOver(session.id, { image });
    const spaces = manifests.map(({ kind, metadata: { name: own, namespace } }) =>
      kind === 'Namespace' ? own : namespace,
    );
    for (const space of spaces) expect(space).toMatch(/^paddock-/);
    expect(new Set(spaces).size).toBe(1);
  },
);

it('gives a Sandbox the end of the session', async () => {
  const { manifests } = await handedOver(session.id, { image, 'agent-sandbox': 'v1beta1', namespace: 'agents' });
  expect(manifests.at(-1)).toMatchObject({
    ...{ kind: 'Sandbox', metadata: { name: 'mine', namespace: 'agents' } },
    spec: { shutdownTime: '2031-01-01T00:00:00.000Z', shutdownPolicy: 'Delete' },
  });
});

it.each<[string, () => string, Values, string]>([
  ['a session that is to be another one', () => session.id, { image, memory: '1g' }, 'BAD_ARGUMENT'],
  ['the host image without one for the nodes', () => session.id, {}, 'BAD_ARGUMENT'],
  ['a session that is not there', newSessionId, { image }, 'NO_SUCH_SESSION'],
  ['what is neither a session nor a profile', () => 'lax', { image }, 'BAD_ARGUMENT'],
  ['nodes of a kind that there is none of', () => session.id, { image, machine: 'm68k' }, 'BAD_ARGUMENT'],
])('refuses %s', async (_, subject, values, code) => {
  await expect(handedOver(subject(), values)).rejects.toMatchObject({ code });
});
