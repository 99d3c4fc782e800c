import { readdirSync, readFileSync } from 'node:fs';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { withAgents } from '../e2e/support/agents/agent-place.js';
import { agentFolder } from '../e2e/support/agents/install.js';
import { leftOvers } from '../e2e/support/left-overs.js';
import { Place } from '../e2e/support/place.js';
import { RawServer } from '../e2e/support/raw-server.js';
import { engineKinds } from '../engine/support/engines.js';
import { searchBy } from '../engine/support/search-inside.js';
import { holds } from '../engine/support/spellings.js';
import { ModelEndpoint } from '../support/models/endpoint.js';
import { awsAuthorization } from '../support/models/signed.js';

const apiKey = 'sk-ant-REAL-4n2k8d7s6a5q';
const aws = {
  ...{ awsAccessKeyId: 'REALKEYID7Q6W5E4R', awsSecretAccessKey: 'aws-REAL-secret-9o8i7u6y' },
  awsSessionToken: 'aws-REAL-session-1z2x3c4v',
};
const secrets = [apiKey, ...Object.values(aws)];
const region = 'eu-west-1';
const bedrock = {
  ...{ useBedrock: true, awsRegion: region, bedrockModel: 'eu.anthropic.claude-large-v1:0' },
  bedrockSmallModel: 'eu.anthropic.claude-small-v1:0',
};
/** Of a settings file of AWS's tools. */
const ofProfile = { accessKeyId: 'REALKEYID0P9O8I7U', secretAccessKey: 'aws-REAL-profile-3e4r5t6y' };
/** In the configuration of an MCP server. */
const shared = 'a-REAL-token-for-notes-5t6y';

/** Waits until somebody has looked. */
const gate = 'touch at-gate; until [ -e go ]; do sleep 0.1; done; rm at-gate go';

interface Agent {
  readonly state: string;
  readonly commandId: string;
  readonly agent: Readonly<Record<string, unknown>>;
  readonly blocked?: unknown;
}

describe.each(engineKinds)('execute_in_session on %s, of a server that has no key itself', (kind) => {
  let place: Place;
  let model: ModelEndpoint;
  let server: RawServer;
  let sessionId: string;

  beforeAll(async () => {
    place = await Place.make(kind);
    model = await ModelEndpoint.open();
    await copyFile(join(import.meta.dirname, '../e2e/support/agents/notes.py'), join(place.project, 'notes.py'));
    const credentials = join(place.root, 'credentials');
    await writeFile(
      credentials,
      `[work]\naws_access_key_id = ${ofProfile.accessKeyId}\naws_secret_access_key = ${ofProfile.secretAccessKey}\nregion = ${region}\n`,
    );
    server = await RawServer.start(place, {
      AWS_SHARED_CREDENTIALS_FILE: credentials,
      ...(await withAgents(place, ['claude'])),
      ...{ ANTHROPIC_BASE_URL: model.url, AWS_ENDPOINT_URL_BEDROCK_RUNTIME: model.url, PADDOCK_LOG_LEVEL: 'trace' },
    });
    const made = await server.use<{ sessionId: string }>('create_session', {
      ...{ projectPath: place.project, workspace: 'cow', apiKey, ...aws, ...bedrock },
    });
    sessionId = made.sessionId;
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    expect(await leftOvers(place, [kind])).toEqual([]);
    await model[Symbol.asyncDispose]();
    await place[Symbol.asyncDispose]();
  });

  const inside = async (argv: readonly string[]) =>
    server.use<{ exitCode: number; stdout: string; stderr: string }>('execute_command', { sessionId, argv });
  const search = async (...texts: string[]) => searchBy(inside, texts, [await agentFolder('claude')]);
  /** Looks while an agent waits at the gate, and lets it through. */
  const atGate = async (look: () => Promise<void>) => {
    await inside(['sh', '-c', 'until [ -e at-gate ]; do sleep 0.1; done']);
    await look().finally(() => inside(['touch', 'go']));
  };

  it('works by a key of create_session, tells what it does, and gives all of the result to model and program', async () => {
    model.script([
      { call: 'mcp__notes__read', input: {} },
      { write: 'new.txt', text: 'new\n' },
      { run: `${gate}; cat new.txt` },
      { say: 'all done' },
    ]);
    const notes = { command: 'python3', args: ['-I', '/workspace/notes.py'], env: { NOTES_TOKEN: shared } };
    const args = { prompt: 'do it', useBedrock: false, mcpConfig: { mcpServers: { notes } }, mcpSecretsAllowed: true };
    const call = server.call('execute_in_session', { sessionId, ...args }, 'a run');
    const told = () => server.progressOf('a run').map(({ message }) => message);
    await atGate(async () => {
      await vi.waitUntil(() => told().some((line) => line.startsWith('runs Bash: touch at-gate')), { timeout: 30_000 });
      // What may be inside is found, in the agent at work too; the keys are not.
      expect(await search(shared)).toEqual(['/home/agent/.paddock/claude/mcp.json', '/proc/PID/environ']);
      expect(await search(...secrets)).toEqual([]);
    });
    const { result } = await call;
    const done = result?.['structuredContent'] as Agent;
    expect(done).toMatchObject({
      ...{ sessionId, state: 'finished', exitCode: 0 },
      agent: {
        ...{ agent: 'claude', ok: true, stopReason: 'completed', finalText: 'all done', turns: 4, doing: [] },
        toolUses: expect.arrayContaining([
          { tool: 'mcp__notes__read', count: 1 },
          { tool: 'Bash', count: 1 },
        ]),
        ...{ changedFiles: ['new.txt'], changedCount: 1, agentSessionId: expect.stringMatching(/^[0-9a-f-]{36}$/) },
        usage: { inputTokens: 400, outputTokens: 80, cacheReadTokens: 28, countedBy: 'broker' },
        durationMs: expect.any(Number),
      },
    });
    const [{ text = '' } = {}] = (result?.['content'] ?? []) as { text?: string }[];
    for (const said of ['all done', 'new.txt', '400 tokens in', `resume ${String(done.agent['agentSessionId'])}`]) {
      expect(text).toContain(said);
    }
    const steps = server.progressOf('a run').map(({ progress }) => progress);
    expect(steps).toEqual(steps.map((_, at) => at + 1));
    const asked = model.modelRequests();
    expect(asked.map(({ headers }) => headers['x-api-key'])).toEqual(asked.map(() => apiKey));
    expect(asked.map(({ body }) => body).join()).toContain(`NOTE-MARK ${shared.length}`);
  });

  it('works through Bedrock as the session was made to, in the background, with each call signed outside', async () => {
    const before = model.requests.length;
    const look = { description: 'look', prompt: 'look', model: 'haiku', run_in_background: false };
    model.script([
      { call: 'Agent', input: look },
      { say: 'seen' },
      { run: `${gate}; echo it >more.txt` },
      { say: 'well done' },
    ]);
    const begun = await server.use<Agent>('execute_in_session', { sessionId, prompt: 'do it', background: true });
    expect(begun).toMatchObject({ state: 'running', next: expect.stringContaining('get_command') });
    const { commandId } = begun;
    await atGate(async () => {
      expect(await search(...secrets)).toEqual([]);
      const second = await server.call('execute_in_session', { sessionId, prompt: 'and you' });
      expect(second.result).toMatchObject({ isError: true, _meta: { 'dev.paddock/error': { code: 'LIMIT_REACHED' } } });
      const working = await server.use<Agent>('get_command', { sessionId, commandId });
      expect(working).toMatchObject({
        state: 'running',
        agent: { doing: expect.arrayContaining(['runs Agent: look']) },
      });
    });
    await vi.waitUntil(
      async () =>
        (await server.use<Agent>('get_command', { sessionId, commandId, waitMs: 30_000 })).state !== 'running',
      { timeout: 120_000 },
    );
    const done = await server.use<Agent>('get_command', { sessionId, commandId });
    expect(done).toMatchObject({
      state: 'finished',
      agent: { ok: true, finalText: 'well done', changedFiles: ['more.txt'], usage: { countedBy: 'broker' } },
    });
    const asked = model.requests.slice(before);
    const modelOf = (path: string) =>
      decodeURIComponent(path).replace(/^\/model\/([^/]*)\/invoke-with-response-stream$/, '$1');
    const large = bedrock.bedrockModel;
    expect(asked.map(({ path }) => modelOf(path))).toEqual([large, bedrock.bedrockSmallModel, large, large]);
    for (const request of asked) {
      const { awsAccessKeyId: accessKeyId, awsSecretAccessKey: secretAccessKey, awsSessionToken: sessionToken } = aws;
      const credentials = { accessKeyId, secretAccessKey, sessionToken };
      expect(request.headers['authorization']).toContain(`Credential=${accessKeyId}/`);
      expect(request.headers['authorization']).toBe(await awsAuthorization(request, credentials, region));
      const other = { ...credentials, secretAccessKey: 'another' };
      expect(request.headers['authorization']).not.toBe(await awsAuthorization(request, other, region));
    }
  });

  it('signs with the keys of a profile, too, for its region', async () => {
    const before = model.requests.length;
    const made = await server.use<{ sessionId: string }>('create_session', {
      ...{ workspace: 'none', awsProfile: 'work' },
    });
    const asking = `import os, urllib.request
body = b'{"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}]}'
path = "/model/${bedrock.bedrockModel}/invoke-with-response-stream"
headers = {"content-type": "application/json"}
asked = urllib.request.Request(os.environ["AWS_ENDPOINT_URL_BEDROCK_RUNTIME"] + path, body, headers)
print(urllib.request.urlopen(asked, timeout=30).status)`;
    const argv = ['python3', '-I', '-c', asking];
    const answer = await server.use<object>('execute_command', { sessionId: made.sessionId, argv });
    expect(answer).toMatchObject({ exitCode: 0, stdout: '200\n' });
    const asked = model.requests.slice(before);
    expect(asked).toHaveLength(1);
    for (const request of asked) {
      expect(request.headers['authorization']).toBe(await awsAuthorization(request, ofProfile, region));
    }
    const call = { sessionId: made.sessionId, prompt: 'x' };
    const elsewhere = { useBedrock: true, awsRegion: 'us-east-1', bedrockModel: bedrock.bedrockModel };
    const { result } = await server.call('execute_in_session', { ...call, ...elsewhere });
    expect(JSON.stringify(result)).toContain(`awsRegion is ${region} in this session`);
  });

  it('refuses a configuration of MCP servers that holds a secret by its place, and never says the secret', async () => {
    const before = model.requests.length;
    const odd = 'Bearer another-REAL-token-7u8i';
    for (const [server1, refusal, named] of [
      [
        { command: 'x', env: { NOTES_TOKEN: odd } },
        { code: 'POLICY_DENIED', ruleId: 'agent.mcp-secret' },
        'mcpServers.notes.env.NOTES_TOKEN',
      ],
      [
        { type: 'http', url: 'http://127.0.0.1/', headers: { 'X-Any': odd } },
        { code: 'POLICY_DENIED' },
        'headers.X-Any',
      ],
      [{ command: 'x', env: odd }, { code: 'BAD_ARGUMENT' }, ''],
      [{ type: 'http', url: odd }, { code: 'BAD_ARGUMENT' }, ''],
    ] as const) {
      const args = { prompt: 'do it', mcpConfig: { mcpServers: { notes: server1 } } };
      const { result } = await server.call('execute_in_session', { sessionId, ...args });
      expect(result).toMatchObject({ isError: true, _meta: { 'dev.paddock/error': refusal } });
      expect(JSON.stringify(result)).toContain(named);
    }
    expect(model.requests.length).toBe(before);
    expect(await search(odd)).toEqual([]);
    expect([...outside()].filter((text) => holds(text, odd))).toEqual([]);
  });

  it('has kept none of it outside either: not in what it printed, its records, its logs or the audit log', () => {
    const all = [...outside()];
    // The look finds what there is.
    expect(all.filter((text) => holds(text, sessionId)).length).toBeGreaterThan(3);
    for (const secret of [...secrets, shared]) expect(all.filter((text) => holds(text, secret))).toEqual([]);
    expect(server.stderr).toContain('execute_in_session');
  });

  function* outside(): Iterable<Buffer | string> {
    yield server.lines.join('\n');
    yield server.stderr;
    yield* filesBelow(place.root);
  }
});

/** Without what only an engine's root can read. */
function* filesBelow(folder: string): Iterable<Buffer> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    try {
      if (entry.isFile()) yield readFileSync(path);
      else if (entry.isDirectory()) yield* filesBelow(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
    }
  }
}
