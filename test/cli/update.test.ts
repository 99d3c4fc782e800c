import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keepersOf } from '../e2e/support/keeper.js';
import { document, finished, paddock, printed, startPaddock } from '../e2e/support/paddock.js';
import type { Place } from '../e2e/support/place.js';
import { Places } from '../e2e/support/places.js';
import { engineKinds } from '../engine/support/engines.js';

const hourMs = 3_600_000;

describe.each(engineKinds)('paddock update on %s', (kind) => {
  const places = new Places(kind);
  let place: Place;

  beforeEach(async () => {
    place = await places.make();
  });
  afterEach(() => places.empty());
  afterAll(() => places.gone());

  async function create(...more: string[]): Promise<string> {
    return document(await paddock(place, ['create', '--json', ...more]))['sessionId'] as string;
  }

  async function specOf(id: string): Promise<Record<string, unknown>> {
    return document(await paddock(place, ['inspect', '--json', id]))['spec'] as Record<string, unknown>;
  }

  it('changes a detached session that nobody holds, which a keeper takes over for that', async () => {
    const id = await create('--lifetime', '1h');
    const done = await paddock(place, ['update', '--json', id, '--lifetime', '2h', '--idle', '45m', '--memory', '1g']);
    expect([done.status, done.stderr]).toEqual([0, '']);
    expect(document(done)).toMatchObject({
      ...{ sessionId: id, idleTimeoutMs: 0.75 * hourMs, limits: { memoryBytes: 1024 ** 3 } },
      changes: [{ what: 'lifetime' }, { what: 'idleTimeout' }, { what: 'memory', after: '1 GiB' }],
    });
    await expect.poll(() => keepersOf(place), { timeout: 5000 }).toHaveLength(1);
    expect(await specOf(id)).toMatchObject({ lifetimeMs: 2 * hourMs, idleTimeoutMs: 0.75 * hourMs });
    const shown = document(await paddock(place, ['ps', '--json']))['sessions'] as { endsAt: string }[];
    expect(Date.parse(shown[0]?.endsAt ?? '')).toBeGreaterThan(Date.now() + 1.5 * hourMs);
  });

  it('changes one that the keeper holds, while a command runs in it', async () => {
    const id = await create();
    const child = startPaddock(place, ['exec', id, '--', 'sh', '-c', 'echo begun; read line; echo $line']);
    await printed(child, 'begun');
    const done = await paddock(place, ['update', id, '--pids', '88', '--cpu-shares', '512']);
    expect([done.status, done.stderr]).toEqual([0, '']);
    expect(done.stdout.toString()).toMatch(/pids: \d+ -> 88\n/);
    child.stdin?.end('on\n');
    expect(await finished(child)).toMatchObject({ status: 0 });
    expect(await specOf(id)).toMatchObject({ limits: { pids: 88, cpuShares: 512 } });
    const lines = (await place.audit()).filter(({ action }) => action === 'session.update');
    expect(lines.at(-1)).toMatchObject({ phase: 'outcome', result: 'ok', session: id });
  });

  it('makes an end come sooner, and says what came of it', async () => {
    const id = await create();
    expect((await paddock(place, ['update', id, '--ends-in', '1s'])).status).toBe(0);
    await expect
      .poll(async () => (await paddock(place, ['exec', id, '--', 'true'])).stderr, { timeout: 15_000 })
      .toContain('SESSION_ENDED');
  });

  it('refuses before anything is started for it', async () => {
    const id = await create();
    const denied = await paddock(place, ['update', '--json', id, '--lifetime', '25h']);
    expect(denied.status).toBe(3);
    expect(document(denied)).toMatchObject({ error: { code: 'POLICY_DENIED', info: { ruleId: 'lifetime.ceiling' } } });
    const wrong = await paddock(place, ['update', id, '--pids', 'many']);
    expect([wrong.status, wrong.stderr]).toEqual([3, expect.stringContaining('request.invalid')]);
    expect((await paddock(place, ['update', id])).status).toBe(3);
    expect((await paddock(place, ['update', 'pdk_aaaaaaaaaaaaaaaaaaaaaaaaaa', '--pids', '9'])).status).toBe(6);
    expect((await paddock(place, ['update', '--pids', '9'])).status).toBe(2);
    expect(keepersOf(place)).toEqual([]);
  });

  it('changes what it can of a session whose commands go by the engine’s exec', async () => {
    const id = await create('--channel', 'exec');
    const idle = await paddock(place, ['update', id, '--idle', '45m']);
    expect([idle.status, idle.stderr]).toEqual([0, '']);
    expect(await specOf(id)).toMatchObject({ idleTimeoutMs: 0.75 * hourMs });
    const end = await paddock(place, ['update', '--json', id, '--ends-in', '1h', '--pids', '50']);
    expect(end.status).toBe(6);
    expect(document(end)).toMatchObject({ error: { code: 'UPDATE_UNSUPPORTED' } });
    expect(await specOf(id)).not.toMatchObject({ limits: { pids: 50 } });
  });
});
