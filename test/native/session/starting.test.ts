import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toPaddockError } from '../../../src/core/errors.js';
import type { SessionId } from '../../../src/core/ids.js';
import { systemClock } from '../../../src/kit/clock.js';
import { requireLayer } from '../../../src/session/layers.js';
import { Sessions } from '../../../src/session/sessions.js';
import { RecordStore } from '../../../src/session/store.js';
import { listSessions } from '../../../src/tools/list-sessions.js';
import type { ToolServices } from '../../../src/tools/services.js';
import { Overlays } from '../../../src/workspace/overlays.js';
import { InMemoryAudit } from '../../unit/session/support/audit.js';
import { MakingEngine, optionsFor } from '../../unit/session/support/making.js';
import { builtInit } from '../init/support/compiled.js';

const { signal } = new AbortController();

describe('a session whose project is being copied', () => {
  let folder: string;
  let store: RecordStore;
  let sessions: Sessions;
  let services: ToolServices;
  const at = (name: string) => join(folder, name);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'paddock-starting-'));
    store = new RecordStore(folder, at('run'));
    const options = await optionsFor(folder, { engine: new MakingEngine(), audit: new InMemoryAudit(), store });
    mkdirSync(at('project'));
    writeFileSync(at('project/file'), 'of the project');
    // Copies, and then goes on for as long as nobody ends it.
    const program = at('slow-init');
    const lines = ['#!/bin/sh', 'echo at 12 2048', `${builtInit()} "$@" || exit`, `echo $$ >${at('copied')}`];
    writeFileSync(program, [...lines, 'exec sleep 600', ''].join('\n'), { mode: 0o755 });
    const maker = { ...options.maker, init: { ...options.maker.init, source: program } };
    sessions = new Sessions({ ...options, maker, overlays: new Overlays({ way: 'copy', program }) });
    services = { sessions, clock: systemClock, sitePolicy: options.policy.sitePolicy } as unknown as ToolServices;
  });
  afterEach(async () => {
    await sessions[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  const request = () => ({ workspace: 'cow', projectPath: at('project') });
  const list = async () => listSessions.call(services, {}, { signal, progress: () => undefined });

  /** Of which all is copied by now, though nobody knows it. */
  async function copied(): Promise<SessionId> {
    await expect.poll(() => existsSync(at('copied')) && readFileSync(at('copied'), 'utf8') !== '').toBe(true);
    // What the copy has said of itself is heard when it comes.
    await expect.poll(() => sessions.starting).toMatchObject([{ soFar: { entries: 12, bytes: 2048 } }]);
    return sessions.starting[0]?.id as SessionId;
  }

  async function expectNothingLeft(): Promise<void> {
    expect(readdirSync(store.layersFolder)).toEqual([]);
    expect((await store.list()).records).toEqual([]);
    expect(sessions.starting).toEqual([]);
    const pid = Number(readFileSync(at('copied'), 'utf8'));
    await expect.poll(() => existsSync(`/proc/${pid}`)).toBe(false);
  }

  it('is listed, shows no half of its changes to anybody, and is gone with the copy when it is given up', async () => {
    const call = sessions.createWithin(request(), { waitMs: 1, signal }).catch(toPaddockError);
    expect(await call).toMatchObject({ code: 'SESSION_STARTING' });
    const id = await copied();
    expect(readFileSync(join(store.layerFolder(id), 'upper/file'), 'utf8')).toBe('of the project');
    const { structured, text } = await list();
    expect(structured).toMatchObject({ sessions: [], starting: [{ sessionId: id, state: 'creating', copied: 12 }] });
    expect(text).toContain(`${id}: creating, 12 entries copied so far`);
    await expect(requireLayer(store, id)).rejects.toMatchObject({ code: 'SESSION_STARTING' });
    expect(await sessions.destroy(id)).toBe(true);
    await expectNothingLeft();
    expect((await list()).structured).toMatchObject({ starting: [] });
  });

  it('is given up also while whoever asked for it still waits, who is told', async () => {
    const call = sessions.createWithin(request(), { waitMs: 60_000, signal }).catch(toPaddockError);
    expect(await sessions.destroy(await copied())).toBe(true);
    expect(await call).toMatchObject({ code: 'INTERRUPTED' });
    await expectNothingLeft();
  });

  it('is listed with why it failed, until somebody has seen to that', async () => {
    writeFileSync(at('slow-init'), '#!/bin/sh\nwhile [ ! -e "$0.go" ]; do sleep 0.02; done\nexit 3\n');
    const call = sessions.createWithin(request(), { waitMs: 1, signal }).catch(toPaddockError);
    expect(await call).toMatchObject({ code: 'SESSION_STARTING' });
    writeFileSync(at('slow-init.go'), '');
    const failed = { starting: [{ state: 'failed', error: expect.stringMatching(/^WORKSPACE_UNAVAILABLE: /) }] };
    await expect.poll(async () => (await list()).structured).toMatchObject(failed);
    expect((await list()).text).toMatch(/failed, WORKSPACE_UNAVAILABLE/);
    expect(await sessions.destroy(sessions.starting[0]?.id ?? '')).toBe(false);
    expect((await list()).structured).toMatchObject({ starting: [] });
    expect(readdirSync(store.layersFolder)).toEqual([]);
  });
});
