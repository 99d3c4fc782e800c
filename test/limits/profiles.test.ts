import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activeSecurityModules } from '../../src/sandbox/host-facts.js';
import { engineKinds } from '../engine/support/engines.js';
import { Stage, said } from '../engine/support/stage.js';

describe.each(engineKinds)('the profile strict on a real rootless %s whose kernel holds limits', (kind) => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.open(kind);
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  it('makes a session of which the kernel confirms all that it requires', async () => {
    const session = await stage.create({ profile: 'strict' });
    const { spec, evidence } = session.sandbox.handle;
    const required = ['memory', 'pids', ...activeSecurityModules()];
    expect(spec.require).toEqual(expect.arrayContaining(required));
    const rows = evidence.controls.filter(({ id }) => required.includes(id)).map(({ id, status }) => [id, status]);
    expect(rows).toEqual(expect.arrayContaining(required.map((id) => [id, 'enforced'])));
    expect(evidence.controls.find(({ id }) => id === 'memory')?.kernel).toContain('1 GiB');
    expect(evidence.controls.find(({ id }) => id === 'pids')?.kernel).toContain('256');
    expect(await said(session, 'ulimit -n')).toBe('1024');
    await stage.sessions.destroy(session.id);
  });

  it('gives what the caller asks for, with the same requirements', async () => {
    const session = await stage.create({ profile: 'strict', memory: '64m' });
    const { spec, evidence } = session.sandbox.handle;
    expect(spec).toMatchObject({ profile: 'strict', limits: { memoryBytes: 64 * 1024 ** 2, pids: 256 } });
    expect(evidence.controls.find(({ id }) => id === 'memory')).toMatchObject({ status: 'enforced' });
    await stage.sessions.destroy(session.id);
  });
});
