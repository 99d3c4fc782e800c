import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { formatBytes } from '../../src/core/units.js';
import { readHostRoom } from '../../src/session/host-room.js';
import { McpClient } from '../e2e/support/client.js';
import { leftOvers } from '../e2e/support/left-overs.js';
import { document, paddock } from '../e2e/support/paddock.js';
import { Place } from '../e2e/support/place.js';
import { engineKinds } from '../engine/support/engines.js';

/** One percent of the host's memory, and no more, is there for all sessions. */
const mostBytes = Math.floor(readHostRoom().memoryBytes / 100);
const share = (percent: number) => Math.floor((mostBytes / 100) * percent);
const unlimited = 'user_sessions = 64\nmemory = 1\ncpus = 100000\nfree_memory = 1';

describe.each(engineKinds)('two servers of one user on %s, with a small host', (kind) => {
  let place: Place;
  let first: McpClient;
  /** Waits a second for room. */
  let second: McpClient;
  /** Waits as long as it takes. */
  let patient: McpClient;

  beforeAll(async () => {
    place = await Place.make(kind);
    first = await serve('1s');
    second = await serve('1s');
    patient = await serve('10m');
  });

  afterEach(async () => {
    for (const mcp of [first, second, patient]) await endAll(mcp);
  });

  afterAll(async () => {
    for (const mcp of [first, second, patient]) await mcp[Symbol.asyncDispose]();
    expect(await leftOvers(place, [kind])).toEqual([]);
    await place[Symbol.asyncDispose]();
  });

  async function surroundings(wait: string): Promise<Record<string, string>> {
    const home = join(place.root, `config-${wait}`);
    await mkdir(join(home, 'paddock'), { recursive: true });
    const text = `[policy.admission]\n${unlimited}\nwait = "${wait}"\n`;
    await writeFile(join(home, 'paddock', 'config.toml'), text, { mode: 0o600 });
    return { XDG_CONFIG_HOME: home };
  }

  async function serve(wait: string): Promise<McpClient> {
    return McpClient.start(place, await surroundings(wait));
  }

  const create = (mcp: McpClient, percent: number) =>
    mcp.create({ workspace: 'none', memory: share(percent), dockerOpts: { ShmSize: 65_536 } });

  async function endAll(mcp: McpClient): Promise<void> {
    const { sessions } = (await mcp.call('list_sessions')).structured as { sessions: { sessionId: string }[] };
    for (const { sessionId } of sessions) await mcp.call('destroy_session', { sessionId });
  }

  /** Begins to make a session that finds no room, and returns when that is known. */
  async function waiting(percent: number): Promise<{ readonly made: Promise<string> }> {
    const intents = async () =>
      (await place.audit()).filter(({ action, phase }) => action === 'session.create' && phase === 'intent').length;
    const before = await intents();
    const made = create(patient, percent);
    made.catch(() => undefined);
    await expect.poll(intents, { timeout: 30_000 }).toBe(before + 1);
    return { made };
  }

  it('let no more in than there is room for in both, and say so with numbers', async () => {
    await create(first, 40);
    await create(second, 40);
    for (const mcp of [first, second]) {
      const refused = await mcp.call('create_session', { workspace: 'none', memory: share(30) });
      expect(refused).toMatchObject({ isError: true, code: 'LIMIT_REACHED', ruleId: 'admission.memory' });
      const sum = formatBytes(2 * share(40) + share(30));
      expect(refused.text).toContain(`with this one, 3 sessions could use ${sum} of memory`);
      expect(refused.text).toContain(`${formatBytes(mostBytes)} is the limit (1 % of `);
      expect(refused.text).toContain('paddock ps');
    }
    await create(second, 15);
    const detached = await paddock(place, ['create', '--json', '--memory', String(share(30))], {
      env: await surroundings('1s'),
    });
    expect(detached.status).toBe(3);
    expect(document(detached)).toMatchObject({ error: { code: 'LIMIT_REACHED' } });
  });

  it('let a session grow by no more than that, whoever asks for it, and count what it has then', async () => {
    const sessionId = await create(first, 40);
    await create(second, 40);
    const asked = { sessionId, memory: share(70), pids: 99 };
    const refused = await first.call('update_session', asked);
    expect(refused).toMatchObject({ isError: true, code: 'LIMIT_REACHED', ruleId: 'admission.memory' });
    expect(refused.text).toContain(`with this one, 2 sessions could use ${formatBytes(share(40) + share(70))} of`);
    const visitor = await paddock(place, ['update', '--json', sessionId, '--memory', String(share(70))], {
      env: await surroundings('1s'),
    });
    expect(visitor.status).toBe(3);
    expect(document(visitor)).toMatchObject({ error: { code: 'LIMIT_REACHED' } });
    const view = await first.call('get_session', { sessionId });
    expect(view.structured['limits']).toMatchObject({ memoryBytes: share(40) });
    expect((view.structured['limits'] as { pids: number }).pids).not.toBe(99);

    expect(await first.call('update_session', { ...asked, memory: share(55) })).toMatchObject({ isError: false });
    const more = await second.call('create_session', { workspace: 'none', memory: share(10) });
    expect(more).toMatchObject({ code: 'LIMIT_REACHED', ruleId: 'admission.memory' });
    expect(await first.call('update_session', { sessionId, memory: share(30) })).toMatchObject({ isError: false });
    await create(second, 25);
  });

  it('make a session that waits for room when the other server has ended one', async () => {
    const sessionId = await create(first, 80);
    const { made } = await waiting(80);
    const refused = await second.call('create_session', { workspace: 'none', memory: share(80) });
    expect(refused).toMatchObject({ code: 'LIMIT_REACHED', ruleId: 'admission.memory' });
    await first.call('destroy_session', { sessionId });
    expect(await made).toMatch(/^pdk_/);
  });

  it('have the room again that a server had which was killed', async () => {
    const killed = await serve('1s');
    await create(killed, 80);
    const { made } = await waiting(80);
    process.kill(killed.pid, 'SIGKILL');
    expect(await made).toMatch(/^pdk_/);
    await killed[Symbol.asyncDispose]();
    expect((await paddock(place, ['prune'])).status).toBe(0);
  });
});
