import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readLimitEvidence, withRows } from '../../../src/confine/limit-evidence.js';
import { specOf } from '../policy/support/context.js';

const containerId = 'c0ffee'.repeat(10);
const scope = `user.slice/libpod-${containerId}.scope`;
const mib = 1024 ** 2;

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'paddock-limits-'));
  await put('proc/self/cgroup', '0::/user.slice/session.scope\n');
  await put('proc/swaps', 'Filename Type Size Used Priority\n/dev/vda2 partition 1 0 -2\n');
  await put('proc/7/cgroup', `0::/${scope}/container\n`);
  await put(`cgroup/${scope}/memory.max`, `${64 * mib}\n`);
  await put(`cgroup/${scope}/memory.swap.max`, '0\n');
  await put(`cgroup/${scope}/cpu.max`, '50000 100000\n');
  await put(`cgroup/${scope}/pids.max`, '100\n');
  await put(`cgroup/${scope}/cpu.weight`, '39\n');
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function put(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
}

function statuses(request: object = { memory: '64m', cpus: 0.5, pids: 100 }): readonly string[] {
  const roots = { procRoot: join(root, 'proc'), cgroupRoot: join(root, 'cgroup') };
  const rows = readLimitEvidence({ pid: 7, containerId, spec: specOf(request), claims: {}, ...roots });
  return rows.map(({ id, status }) => `${id} ${status}`);
}

it('the limits of a sandbox are those of its own cgroup, however many run in it and in whose namespaces', async () => {
  const many = Array.from({ length: 100 }, (_, i) => String(i + 7));
  await put(`cgroup/${scope}/container/cgroup.procs`, `${many.join('\n')}\n`);
  expect(statuses()).toEqual([
    'memory enforced',
    'swap enforced',
    'cpu enforced',
    'cpu-weight enforced',
    'pids enforced',
  ]);
});

it('a limit that the kernel holds looser than was asked for is degraded', () => {
  expect(statuses({ memory: '32m', cpus: 0.25, pids: 50 })).toEqual([
    ...['memory degraded', 'swap enforced', 'cpu degraded', 'cpu-weight enforced', 'pids degraded'],
  ]);
});

it('a limit without a controller, or without a value, is absent', async () => {
  await rm(join(root, `cgroup/${scope}/pids.max`));
  await put(`cgroup/${scope}/memory.max`, 'max\n');
  expect(statuses()).toEqual(['memory absent', 'swap enforced', 'cpu enforced', 'cpu-weight enforced', 'pids absent']);
});

it('a cgroup that is not the sandbox’s own holds none of them', async () => {
  await put('proc/7/cgroup', '0::/user.slice/podman.service\n');
  await put('cgroup/user.slice/podman.service/memory.max', '1\n');
  expect(statuses()).toEqual(['memory absent', 'swap absent', 'cpu absent', 'cpu-weight absent', 'pids absent']);
});

it('rows that are read anew take the place of theirs, and the others stay', () => {
  const evidence = { readAtMs: 5, controls: [row('memory', '1'), row('cpu', '2')] };
  expect(withRows(evidence, [row('cpu', '3'), row('cpu-weight', '4')], specOf({}))).toEqual({
    readAtMs: 5,
    controls: [row('memory', '1'), row('cpu', '3')],
  });
});

it('the weight comes into the table when it is asked for, and stays when it is not any more', () => {
  const asked = specOf({ dockerOpts: { CpuShares: 512 } });
  const before = { readAtMs: 5, controls: [row('cpu', '2'), row('pids', '3')] };
  const evidence = withRows(before, [row('cpu-weight', '4')], asked);
  expect(evidence.controls).toEqual([row('cpu', '2'), row('cpu-weight', '4'), row('pids', '3')]);
  expect(withRows(evidence, [row('cpu-weight', '5')], specOf({})).controls[1]).toEqual(row('cpu-weight', '5'));
});

function row(id: 'memory' | 'cpu' | 'cpu-weight' | 'pids', kernel: string) {
  return { id, asked: 'x', engine: '-', kernel, status: 'enforced' } as const;
}
