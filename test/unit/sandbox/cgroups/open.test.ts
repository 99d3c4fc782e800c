import { describe, expect, it } from 'vitest';
import type { Channel } from '../../../../src/channel/types.js';
import type { Evidence } from '../../../../src/core/evidence.js';
import { systemClock } from '../../../../src/kit/clock.js';
import { CgroupKeeper } from '../../../../src/sandbox/cgroups/cgroup-keeper.js';
import { openCommandCgroups } from '../../../../src/sandbox/cgroups/open.js';

const channel = { known: [] } as unknown as Channel;
const controls = (status: string) => ({ controls: ['memory', 'pids'].map((id) => ({ id, status })) });

function opening(changes: { readonly engineKind?: 'docker'; readonly channel?: undefined; readonly status?: string }) {
  const handle = {
    ...{ initPid: process.pid, namespace: 'pid:[1]', containerId: 'f'.repeat(64) },
    evidence: controls(changes.status ?? 'enforced') as unknown as Evidence,
  };
  return openCommandCgroups({
    ...{ keeper: new CgroupKeeper('/nowhere/paddock-init'), engineKind: 'podman', handle, channel, clock: systemClock },
    ...changes,
  });
}

describe('cgroups for commands', () => {
  it.each([
    { where: 'commands go through the engine', changes: { channel: undefined }, why: /engine/ },
    { where: 'the engine is Docker', changes: { engineKind: 'docker' as const }, why: /folder/ },
    { where: 'memory and processes are not limited', changes: { status: 'absent' }, why: /limits its memory/ },
    { where: 'the processes lie elsewhere', changes: {}, why: /could not be divided .*`container`/ },
  ])('are not used where $where, and that is said', async ({ changes, why }) => {
    expect(await opening(changes)).toMatch(why);
  });
});
