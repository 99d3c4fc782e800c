import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type PaddockError, toPaddockError } from '../../../src/core/errors.js';
import { systemClock } from '../../../src/kit/clock.js';
import { deferred } from '../../../src/kit/deferred.js';
import { readProcessIdentity } from '../../../src/kit/process-identity.js';
import { EngineView } from '../../../src/sandbox/engine-view.js';
import { holdFolder } from '../../../src/session/folder-hold.js';
import { Sessions } from '../../../src/session/sessions.js';
import type { SessionsOptions } from '../../../src/session/sessions-options.js';
import { RecordStore } from '../../../src/session/store.js';
import { codeOf as code } from '../../support/code-of.js';
import { InMemoryAudit } from './support/audit.js';
import { MakingEngine, optionsFor } from './support/making.js';
import { record } from './support/records.js';

describe('making a session that fails', () => {
  let folder = '';
  let engine: MakingEngine;
  let audit: InMemoryAudit;
  let store: RecordStore;
  let sessions: Sessions;
  let options: SessionsOptions;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'paddock-sessions-'));
    engine = new MakingEngine();
    audit = new InMemoryAudit();
    store = new RecordStore(folder, join(folder, 'run'));
    options = await optionsFor(folder, { engine, audit, store });
    sessions = new Sessions(options);
  });
  afterEach(async () => {
    await sessions[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  const recordFiles = () => readdir(join(folder, 'sessions'));
  const request = { workspace: 'none' };

  it('leaves neither container nor record, and the log tells how it ended', async () => {
    await expect(sessions.create(request)).rejects.toMatchObject({ code: 'ENGINE_FAILED' });
    expect(engine.made).toHaveLength(1);
    expect(engine.containers).toEqual([]);
    expect(await recordFiles()).toEqual([]);
    expect(audit.lines.at(-1)).toMatch(/^session\.create pdk_\w+ ENGINE_FAILED$/);
    expect(sessions.list).toEqual([]);
  });

  it('goes on with it when the call has its answer, knows what came of it, and lets it be given up', async () => {
    const { signal } = new AbortController();
    const begun = async () => {
      const asked = sessions.createWithin(request, { waitMs: 1, signal });
      const error = await asked.catch((thrown: unknown) => thrown as PaddockError);
      expect(error).toMatchObject({ code: 'SESSION_STARTING' });
      return String((error as PaddockError).info['sessionId']);
    };
    const hold = deferred<undefined>();
    engine.held = hold.promise;
    const first = await begun();
    expect(() => sessions.get(first)).toThrow(/is still being made/);
    const second = await begun();
    const recorded = () =>
      recordFiles().then(
        ({ length }) => length,
        () => 0,
      );
    await expect.poll(recorded).toBe(2);
    const given = sessions.destroy(second);
    hold.resolve(undefined);
    expect(await given).toBe(true);
    await expect.poll(() => codeOf(() => sessions.get(first))).toBe('ENGINE_FAILED');
    expect(codeOf(() => sessions.get(second))).toBe('NO_SUCH_SESSION');
    expect(await recordFiles()).toEqual([]);
  });

  it('lets no holder of a key name the AWS settings of the user who runs the server', async () => {
    const store = new RecordStore(folder, join(folder, 'run'), systemClock, { apiKey: 'key' });
    const ofKey = new Sessions({ ...options, store });
    const refused = ofKey.create({ ...request, awsProfile: 'prod' });
    await expect(refused).rejects.toMatchObject({ code: 'BAD_ARGUMENT', message: expect.stringMatching(/awsProfile/) });
    await ofKey[Symbol.asyncDispose]();
    expect(engine.made).toEqual([]);
  });

  it('makes nothing that outlives its command where a process 1 can not be seen, as nobody could use it again', async () => {
    const maker = { ...options.maker, view: new EngineView(engine) };
    const detached = new Sessions({ ...options, maker, kind: 'detached' });
    const made = detached.create(request);
    await expect(made).rejects.toMatchObject({ code: 'BAD_ARGUMENT', hint: expect.stringMatching(/paddock run/) });
    await detached[Symbol.asyncDispose]();
    expect([engine.made, await recordFiles().catch(() => [])]).toEqual([[], []]);
  });

  it('makes nothing in a folder that a server in a container has taken since the engine was opened', async () => {
    const folders = { stateDir: folder, runtimeDir: join(folder, 'run') };
    await using hold = await holdFolder(folders, store);
    expect(await code(sessions.create(request))).toBe('ENGINE_FAILED');
    const note = join(folder, 'server.1');
    const elsewhere = { ...(JSON.parse(readFileSync(note, 'utf8')) as object), pidNamespace: 'pid:[1]' };
    writeFileSync(note, JSON.stringify(elsewhere));
    expect(await code(sessions.create(request))).toBe('STATE_IN_USE');
    expect([engine.made.length, await recordFiles()]).toEqual([1, []]);
    await hold[Symbol.asyncDispose]();
    expect(await code(sessions.create(request))).toBe('ENGINE_FAILED');
  });

  it('asks for the providers of the session that it is to be like, as far as there are keys for them', async () => {
    const withKey = new Sessions({
      ...options,
      keys: { environment: { ANTHROPIC_API_KEY: 'sk-ant-of-the-environment' } },
    });
    const asked: unknown[] = [];
    engine.onMake = () => {
      const [file = ''] = readdirSync(join(folder, 'sessions'));
      asked.push(JSON.parse(readFileSync(join(folder, 'sessions', file), 'utf8')));
    };
    const likeOf = { wish: { providers: ['anthropic', 'openai'] as const }, keys: { secrets: {} } };
    await expect(withKey.create(request, undefined, { likeOf })).rejects.toMatchObject({ code: 'ENGINE_FAILED' });
    await expect(sessions.create(request, undefined, { likeOf })).rejects.toMatchObject({ code: 'ENGINE_FAILED' });
    expect(asked).toMatchObject([{ spec: { providers: ['anthropic'] } }, { spec: {} }]);
    expect(asked[1]).not.toHaveProperty('spec.providers');
    await withKey[Symbol.asyncDispose]();
  });

  it('keeps nothing of what it began with as changes to look at', async () => {
    const project = join(folder, 'project');
    await mkdir(project);
    engine.onMake = () => {
      const [layer = ''] = readdirSync(store.layersFolder);
      writeFileSync(join(store.layersFolder, layer, 'upper/copied'), 'of another session');
    };
    const failed = sessions.create({ workspace: 'cow', projectPath: project });
    await expect(failed).rejects.toMatchObject({ code: 'ENGINE_FAILED' });
    expect(engine.made).toHaveLength(1);
    expect(await readdir(store.layersFolder)).toEqual([]);
  });

  it('keeps its record when the container could not be removed, and says so: prune needs the proof', async () => {
    engine.refusesRemoval = true;
    const failed = sessions.create(request);
    await expect(failed).rejects.toMatchObject({ code: 'ENGINE_FAILED' });
    expect(engine.containers).toHaveLength(1);
    const { records } = await store.list();
    expect(records).toMatchObject([{ state: 'creating', containerName: engine.containers[0]?.name }]);
  });

  it('has written its record before the engine hears of it', async () => {
    let records = 0;
    const seen = new Promise<void>((resolve) => {
      engine.onMake = () => {
        void recordFiles().then((files) => {
          records = files.length;
          resolve();
        });
      };
    });
    engine.refusesRemoval = true;
    await expect(sessions.create(request)).rejects.toThrow();
    await seen;
    expect(records).toBe(1);
  });

  it('asks the engine for nothing when the log can not be written', async () => {
    audit.isFull = true;
    await expect(sessions.create(request)).rejects.toMatchObject({ code: 'AUDIT_UNWRITABLE' });
    expect(engine.made).toEqual([]);
  });

  it('asks the engine for nothing when policy refuses, and names the rule', async () => {
    const refused = sessions.create({ ...request, network: 'open' });
    await expect(refused).rejects.toMatchObject({ code: 'POLICY_DENIED', ruleId: 'network.not-allowed' });
    await expect(sessions.create(null)).rejects.toMatchObject({ code: 'POLICY_DENIED' });
    expect(engine.made).toEqual([]);
  });

  it('with a signal that has fired asks the engine for nothing', async () => {
    await expect(sessions.create(request, AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
    expect(engine.made).toEqual([]);
  });

  it('cancelled while the engine makes the container, takes it away again', async () => {
    const cancel = new AbortController();
    engine.onMake = () => cancel.abort();
    await expect(sessions.create(request, cancel.signal)).rejects.toMatchObject({ name: 'AbortError' });
    expect(engine.made).toHaveLength(1);
    expect(engine.containers).toEqual([]);
    expect(await recordFiles()).toEqual([]);
  });

  it('is refused, and ends nothing else, when its way in is refused while the image is still looked for', async () => {
    const maker = { ...options.maker, commandPath: 'attach' } as const;
    vi.spyOn(maker.images, 'ready').mockImplementation(() =>
      sleep(20).then(() => Promise.reject(new Error('not wanted'))),
    );
    await using detached = new Sessions({ ...options, maker, kind: 'detached' });
    await expect(detached.create(request)).rejects.toMatchObject({ code: 'CHANNEL_UNAVAILABLE' });
    expect(engine.made).toEqual([]);
    expect(await recordFiles()).toEqual([]);
  });

  it('counts sessions that are being made against the limit', async () => {
    const { sitePolicy } = options.policy;
    const admission = { ...sitePolicy.admission, waitMs: 0 };
    const hasty = new Sessions({
      ...options,
      policy: { ...options.policy, sitePolicy: { ...sitePolicy, admission } },
    });
    const results = await Promise.allSettled([1, 2, 3].map(() => hasty.create(request)));
    const codes = results.map((r) => (r.status === 'rejected' ? (r.reason as { code: string }).code : 'made'));
    expect(codes.sort()).toEqual(['ENGINE_FAILED', 'ENGINE_FAILED', 'LIMIT_REACHED']);
  });

  it('makes room for one that waits', async () => {
    const results = await Promise.allSettled([1, 2, 3].map(() => sessions.create(request)));
    expect(results.map((r) => (r.status === 'rejected' ? (r.reason as { code: string }).code : 'made'))).toEqual(
      Array.from({ length: 3 }, () => 'ENGINE_FAILED'),
    );
  });

  it.each([
    ['runs attached to a process that lives', {}, 'LIMIT_REACHED'],
    ['lost its owner', { owner: { pid: 1, startTimeTicks: 1, bootId: 'another' } }, 'ENGINE_FAILED'],
  ])('counts a session of another process when that %s', async (_, changes, code) => {
    const { sitePolicy } = options.policy;
    const admission = { ...sitePolicy.admission, waitMs: 0, userSessions: 1 };
    const one = new Sessions({ ...options, policy: { ...options.policy, sitePolicy: { ...sitePolicy, admission } } });
    const self = await readProcessIdentity(process.ppid);
    await options.store.save(record({ state: 'creating', ...(self && { owner: self }), ...changes }));
    await expect(one.create(request)).rejects.toMatchObject({ code });
  });

  it('tells the holder of a key nothing of the sessions of others that there is no room beside', async () => {
    const { sitePolicy } = options.policy;
    const policy = {
      ...options.policy,
      sitePolicy: { ...sitePolicy, admission: { ...sitePolicy.admission, waitMs: 0 } },
    };
    const ofKey = new RecordStore(folder, join(folder, 'run'), systemClock, { apiKey: 'key' });
    await using keyed = new Sessions({ ...options, policy, store: ofKey });
    const results = await Promise.allSettled([1, 2, 3].map(() => keyed.create(request)));
    const refused = results.flatMap((r) => (r.status === 'rejected' ? [toPaddockError(r.reason)] : []));
    const full = refused.find(({ code }) => code === 'LIMIT_REACHED');
    expect(full).toMatchObject({ message: 'the server has no room for it now', info: { ruleId: 'admission.room' } });
  });

  it('knows no session of another, whatever id is asked for', async () => {
    for (const id of ['', '../x', 'pdk_', `pdk_${'a'.repeat(26)}`, '__proto__']) {
      expect(() => sessions.get(id)).toThrow(expect.objectContaining({ code: 'NO_SUCH_SESSION' }) as Error);
      expect(await sessions.destroy(id)).toBe(false);
    }
  });
});

function codeOf(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return toPaddockError(error).code;
  }
}
