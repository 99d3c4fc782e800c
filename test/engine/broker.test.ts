import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { builtInPolicy } from '../../src/config/built-in-policy.js';
import { adoptSession } from '../../src/session/adopt.js';
import type { KeySources } from '../../src/session/broker/provider-routes.js';
import type { Session } from '../../src/session/session.js';
import { codeOf } from '../support/code-of.js';
import { ModelEndpoint } from '../support/models/endpoint.js';
import { engineKinds } from './support/engines.js';
import { FrameWatch } from './support/frame-watch.js';
import { GitHost } from './support/git-host.js';
import { searchInside } from './support/search-inside.js';
import { holds } from './support/spellings.js';
import { command, run, Stage, said } from './support/stage.js';

const secret = (name: string) => `sk-ant-canary-${name}-${randomBytes(12).toString('hex')}`;

/** A model call as a client makes it, by what the environment says. */
const call = (text = 'hello', path = '/v1/messages') => `python3 -I -c '
import json, os, urllib.error, urllib.request
body = json.dumps({"model": "claude-sonnet-4-5", "max_tokens": 9, "messages": [{"role": "user", "content": "${text}"}]})
headers = {"x-api-key": os.environ["ANTHROPIC_API_KEY"], "content-type": "application/json"}
asked = urllib.request.Request(os.environ["ANTHROPIC_BASE_URL"] + "${path}", body.encode(), headers)
try:
    answer = urllib.request.urlopen(asked, timeout=20)
    print(answer.status, answer.read().decode())
except urllib.error.HTTPError as error:
    print(error.code, error.read().decode())
'`;

describe.each(engineKinds)('a sandbox of a real rootless %s with the credential broker', (kind) => {
  const [real, planted, own, token] = [secret('real'), secret('planted'), secret('own'), secret('token')];
  let provider: ModelEndpoint;
  let stage: Stage;
  let session: Session;
  let sources: KeySources;
  let host: GitHost;
  let frames: FrameWatch;

  beforeAll(async () => {
    [provider, host] = await Promise.all([ModelEndpoint.open(), GitHost.open(token)]);
    const places = { ANTHROPIC_BASE_URL: provider.url, OPENAI_BASE_URL: provider.url };
    sources = { environment: { ...places, OPENAI_API_KEY: own, CODE_TOKEN: token, CODE_BASIC: host.basic } };
    const allow = [`http://${new URL(provider.url).host}`, 'https://read.test'];
    const broker = { ...builtInPolicy('/').broker, ...host.rules };
    frames = new FrameWatch([real, token, host.basic, planted]);
    const policy = { broker, egress: { allow, ask: [], approved: [] } };
    stage = await Stage.open(kind, { keys: sources, policy, frames });
    session = await stage.create({ apiKey: real, git: ['read.test', 'write.test'], routes: ['head'] });
  });
  afterAll(async () => {
    await stage[Symbol.asyncDispose]();
    await provider[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
  });

  it('calls a model with a key that is outside, and what stands for it inside goes no further', async () => {
    expect(await said(session, 'echo "$ANTHROPIC_API_KEY"')).toBe('paddock-placeholder');
    const answer = await said(session, call());
    expect(answer).toMatch(/^200 /);
    expect(answer).toContain('message_stop');
    const [seen] = provider.modelRequests();
    expect(seen?.headers['x-api-key']).toBe(real);
    expect(JSON.stringify(provider.requests)).not.toContain('placeholder');
    expect(session.broker?.usage()).toMatchObject({ requests: 1, lines: [{ route: 'anthropic', requests: 1 }] });
  });

  it('clones, fetches and pushes by a token that is outside, and says why it does not push where that is not let', async () => {
    const clone =
      'git clone -q git@read.test:team/tool read 2>&1 && cd read && cat file && git config remote.origin.url';
    expect(await said(session, clone)).toBe('from outside\ngit@read.test:team/tool');
    const change =
      'git config user.name a && git config user.email a@b.test && echo inside > file && git commit -qam b';
    await said(session, `cd read && ${change}`);
    const { exitCode, stderr, blocked } = await run(session, 'cd read && git push -q origin HEAD:refs/heads/new');
    expect(exitCode).not.toBe(0);
    expect(stderr.text).toMatch(/remote: .*broker\.push.*Next: /);
    expect(blocked).toMatchObject([{ via: 'broker', ruleId: 'broker.push', count: 1 }]);
    expect(host.asked.join()).not.toContain('receive-pack');

    const push = 'git push -q https://write.test/team/tool.git HEAD:refs/heads/new 2>&1';
    await said(session, `cd read && ${push} && git fetch -q origin && git diff --exit-code HEAD origin/new`);
    expect(await said(session, 'git -C read rev-parse HEAD')).toBe(host.commitOf('new'));
    const head =
      'import os, urllib.request as u; print(u.urlopen(os.environ["PADDOCK_BROKER_HEAD"] + "/team/tool.git/HEAD").read())';
    expect(await said(session, `python3 -I -c '${head}'`)).toContain('refs/heads/main');
    expect(host.authorizations).toEqual([`Basic ${host.basic}`]);
  });

  it('has those keys nowhere: not in its processes, its files, its frames, nor in what is kept of it outside', async () => {
    const where = 'export PLANTED="$1"; cd; rev=$(printf %s "$1" | rev)';
    const plant = `${where}; printf %s "$1" > clear; printf %s "$1" | base64 -w0 > base64; printf %s "x$1" | base64 -w0 > shifted
      printf %s "$1" | od -An -tx1 | tr -d ' \\n' > /tmp/hex; printf %s "$rev" > /dev/shm/reversed; echo planted; sleep 600; :`;
    const waiting = await session.start(command(['sh', '-c', plant, 'sh', planted]));
    await vi.waitUntil(async () => (await said(session, 'cat /dev/shm/reversed 2>&1 || :')).length >= planted.length, {
      timeout: 20_000,
    });
    const found = await searchInside(session, planted);
    const home = await said(session, 'echo ~');
    const hidden = ['clear', 'base64', 'shifted'].map((name) => `${home}/${name}`);
    for (const place of ['/proc/PID/environ', '/proc/PID/cmdline', '/tmp/hex', '/dev/shm/reversed', ...hidden])
      expect(found).toContain(place);
    expect(await searchInside(session, real, token, host.basic)).toEqual([]);

    expect(frames.seen).toEqual([planted]);
    const outside = [inspect(session, { depth: 12, showHidden: true }), await inspected(stage, session)];
    await session.flushLog();
    for (const text of [...outside, ...filesBelow(stage.folder)]) {
      expect([real, token, host.basic].filter((one) => holds(text, one))).toEqual([]);
    }
    // The session log has the command line that planted the other one.
    expect(filesBelow(stage.folder).some((text) => holds(text, planted))).toBe(true);
    await waiting.command.end('aborted').catch(() => undefined);
  });

  it('lets through model calls only, and says so in the result, and in the audit log', async () => {
    const before = provider.requests.length;
    const { stdout, blocked } = await run(session, call('hello', '/v1/files'));
    expect(stdout.text).toMatch(/^404 .*broker\.path/);
    expect(blocked).toMatchObject([{ via: 'broker', ruleId: 'broker.path', count: 1 }]);
    expect(provider.requests).toHaveLength(before);
    const records = recordsOf(stage, session);
    expect(records.map(({ action }) => action)).toEqual(
      expect.arrayContaining(['session.create', 'broker.open', 'broker.use', 'broker.deny']),
    );
    expect(records.find(({ action }) => action === 'broker.use')?.details).toMatchObject({
      model: 'claude-sonnet-4-5',
    });
  });

  it('reaches a provider on one way only: directly until there is a broker for it, never again afterwards', async () => {
    const { host: place } = new URL(provider.url);
    const direct = await stage.create({ allow: [`http://${place}`, 'https://read.test'], git: ['read.test'] });
    const ask = `python3 -I -c '
import http.client
c = http.client.HTTPConnection("127.0.0.1", 61128, timeout=20)
c.request("GET", "http://${place}/v1/models")
print(c.getresponse().status)
'`;
    const { blocked: unasked } = await run(
      direct,
      'git -c http.proxy=http://127.0.0.1:61128 ls-remote https://READ.test/team/tool',
    );
    expect(unasked).toMatchObject([{ ruleId: 'egress.brokered', host: 'read.test' }]);
    expect(Object.keys(direct.broker?.places ?? {})).toEqual(['git:read.test']);
    expect(await said(direct, ask)).toBe('404');
    const broker = await direct.ensureBroker(['openai']);
    expect(broker.places).toMatchObject({ openai: 'http://127.0.0.1:61200/openai' });
    const { stdout, blocked } = await run(direct, ask);
    expect(stdout.text.trim()).toBe('403');
    expect(blocked).toMatchObject([{ ruleId: 'egress.brokered' }]);
    // No key for the other one is to be found.
    expect(await codeOf(direct.ensureBroker(['google']))).toBe('BAD_ARGUMENT');
    await stage.sessions.destroy(direct.id);
  });

  it('has none over the engine: keys are refused before anything is made, those of the environment stay where they are', async () => {
    await using plain = await Stage.open(kind, { keys: sources, commandPath: 'exec' });
    expect(await codeOf(plain.create({ apiKey: real }))).toBe('CHANNEL_UNAVAILABLE');
    expect(await plain.containers()).toEqual([]);
    const without = await plain.create({ providers: ['openai'] });
    expect(without.notes.join()).toContain('no models can be called');
    expect(await codeOf(without.ensureBroker(['openai']))).toBe('CHANNEL_UNAVAILABLE');
  });

  it('is open again for whoever takes a session over and has the key, and for nobody else, and its caps count on', async () => {
    const { store, audit, policy, maker, engine, self } = stage;
    await using detached = stage.newSessions('detached');
    const made = await detached.create({ workspace: 'none', apiKey: real });
    const { id } = made;
    expect(await said(made, call('first'))).toMatch(/^200 /);
    await made.letGo();
    const record = await store.load(id);
    if (record === undefined) throw new Error('it was made');
    expect(record.spec.providers).toEqual(['anthropic']);
    const take = async (environment: KeySources['environment']) =>
      adoptSession(record, {
        ...{ engine, store, audit, clock: maker.clock, isAlive: () => Promise.resolve(false), bootId: self.bootId },
        ...{ runtimeDir: stage.folder, broker: { rules: { ...policy.broker, requests: 2 }, sources: { environment } } },
      });
    const keyless = await take({ ANTHROPIC_BASE_URL: provider.url });
    expect(keyless.broker).toBeUndefined();
    await keyless.letGo();
    const keyed = await take({ ANTHROPIC_BASE_URL: provider.url, ANTHROPIC_API_KEY: own });
    expect(await said(keyed, call('again'))).toMatch(/^200 /);
    expect(provider.modelRequests().at(-1)?.headers['x-api-key']).toBe(own);
    // With the one under the holder before.
    expect(await said(keyed, call('too many'))).toMatch(/^429 .*broker\.cap/s);
    await keyed.end();
    await store.remove(id);
    const ends = recordsOf(stage, keyed).filter(({ action }) => action === 'broker.end');
    const one = { details: { route: 'anthropic', requests: 1 } };
    expect(ends).toMatchObject([one, one]);
  });
});

interface Written {
  readonly action: string;
  readonly session?: string;
  readonly details?: unknown;
}

function recordsOf(stage: Stage, { id }: Session): readonly Written[] {
  const text = readFileSync(join(stage.stateDir, 'audit.jsonl'), 'utf8');
  const records = text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Written]));
  return records.filter(({ session }) => session === id);
}

/** What the engine itself says of a container. */
function inspected({ engine }: Stage, { sandbox }: Session): Promise<string> {
  const path = `/containers/${sandbox.handle.containerId}/json`;
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: engine.identity.socketPath, path }, (answer) => {
      const pieces: Buffer[] = [];
      answer.on('data', (piece: Buffer) => pieces.push(piece));
      answer.once('end', () => resolve(Buffer.concat(pieces).toString()));
    });
    asked.once('error', reject).end();
  });
}

function filesBelow(folder: string): readonly Buffer[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) =>
    entry.isFile() ? [readFileSync(join(entry.parentPath, entry.name))] : [],
  );
}
