import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { activeSecurityModules, selinuxFacts } from '../../../src/sandbox/host-facts.js';

let sys: string;
beforeEach(() => {
  sys = mkdtempSync(join(tmpdir(), 'paddock-sys-'));
  for (const folder of ['fs/selinux', 'module/apparmor/parameters']) mkdirSync(join(sys, folder), { recursive: true });
});
afterEach(() => rmSync(sys, { recursive: true }));

describe('the security modules of a host', () => {
  it('are those that its kernel uses, a permissive SELinux among them', () => {
    expect(activeSecurityModules(sys)).toEqual([]);
    writeFileSync(join(sys, 'module/apparmor/parameters/enabled'), 'N\n');
    expect(activeSecurityModules(sys)).toEqual([]);
    writeFileSync(join(sys, 'module/apparmor/parameters/enabled'), 'Y\n');
    expect(activeSecurityModules(sys)).toEqual(['apparmor']);
    writeFileSync(join(sys, 'fs/selinux/enforce'), '0');
    expect(activeSecurityModules(sys)).toEqual(['apparmor', 'selinux']);
  });
});

describe('what SELinux has to do with a sandbox', () => {
  it('is nothing on a host without it', () => {
    expect(selinuxFacts('default', sys)).toEqual({ selinuxEnforcing: false, isTypeThere: false });
  });

  it.each([
    ['1\n', true],
    ['0\n', false],
  ])('is the type that belongs to the filter, when enforce says %j', (enforce, selinuxEnforcing) => {
    writeFileSync(join(sys, 'fs/selinux/enforce'), enforce);
    const selinuxType = 'paddock_sandbox_debug.process';
    expect(selinuxFacts('debug', sys)).toEqual({ selinuxEnforcing, selinuxType, isTypeThere: false });
    writeFileSync(join(sys, 'fs/selinux/context'), '');
    expect(selinuxFacts('debug', sys)).toEqual({ selinuxEnforcing, selinuxType, isTypeThere: true });
    expect(readFileSync(join(sys, 'fs/selinux/context'), 'utf8')).toBe(`system_u:object_r:${selinuxType}:s0`);
  });

  it('is that type as well where a server in a container knows by its own that it is there', () => {
    mkdirSync(join(sys, 'proc/thread-self/attr'), { recursive: true });
    writeFileSync(join(sys, 'proc/thread-self/attr/current'), 'system_u:system_r:paddock_server.process:s0:c1,c2\n');
    const refused = () => {
      throw Object.assign(new Error('refused'), { code: 'EACCES' });
    };
    const own = { procRoot: join(sys, 'proc'), write: refused };
    const selinuxType = 'paddock_sandbox.process';
    expect(selinuxFacts('default', sys, own)).toEqual({ selinuxEnforcing: false, selinuxType, isTypeThere: true });
    writeFileSync(join(sys, 'proc/thread-self/attr/sockcreate'), '');
    expect(selinuxFacts('default', sys, own)).toEqual({ selinuxEnforcing: true, selinuxType, isTypeThere: true });
  });
});
