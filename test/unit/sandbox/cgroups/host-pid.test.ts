import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hostPidOf } from '../../../../src/sandbox/cgroups/host-pid.js';

const init = { initPid: 100, namespace: 'pid:[2]' };

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'paddock-proc-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function fake(pid: number, children: readonly number[], inside: string, namespace = init.namespace): void {
  const folder = join(root, String(pid));
  mkdirSync(join(folder, 'task', String(pid)), { recursive: true });
  mkdirSync(join(folder, 'ns'));
  writeFileSync(join(folder, 'task', String(pid), 'children'), children.map((child) => `${child} `).join(''));
  writeFileSync(join(folder, 'status'), `Name:\tinit\nNSpid:\t${pid}\t${inside}\n`);
  symlinkSync(namespace, join(folder, 'ns', 'pid'));
}

describe('the number on this host of a process that process 1 knows', () => {
  it('is that of the grandchild with that number inside', () => {
    fake(100, [110, 120], '1');
    fake(110, [111], '2');
    fake(111, [], '3');
    fake(120, [121], '4');
    fake(121, [], '5');
    expect([3, 5].map((inside) => hostPidOf(init, inside, root))).toEqual([111, 121]);
  });

  it('is never that of process 1, of a supervisor, or of what a command forked', () => {
    fake(100, [110], '1');
    fake(110, [111], '2');
    fake(111, [112], '3');
    fake(112, [], '4');
    expect([1, 2, 4].map((inside) => hostPidOf(init, inside, root))).toEqual([undefined, undefined, undefined]);
  });

  it('is not that of a process in a namespace that was made inside', () => {
    fake(100, [110], '1');
    fake(110, [111], '2');
    fake(111, [], '3\t7', 'pid:[3]');
    expect(hostPidOf(init, 7, root)).toBe(undefined);
  });

  it('is none where nothing is there', () => {
    expect(hostPidOf(init, 3, root)).toBe(undefined);
  });
});
