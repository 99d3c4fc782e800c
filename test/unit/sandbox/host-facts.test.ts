import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { activeSecurityModules } from '../../../src/sandbox/host-facts.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'paddock-facts-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function file(path: string, text: string): void {
  mkdirSync(join(root, path, '..'), { recursive: true });
  writeFileSync(join(root, path), text);
}

describe('the security modules of a host', () => {
  it('are those that its kernel uses, a permissive SELinux among them', () => {
    expect(activeSecurityModules(root)).toEqual([]);
    file('module/apparmor/parameters/enabled', 'N\n');
    expect(activeSecurityModules(root)).toEqual([]);
    file('module/apparmor/parameters/enabled', 'Y\n');
    expect(activeSecurityModules(root)).toEqual(['apparmor']);
    file('fs/selinux/enforce', '0');
    expect(activeSecurityModules(root)).toEqual(['apparmor', 'selinux']);
  });
});
