import { spawnSync } from 'node:child_process';
import { expect, type TestContext } from 'vitest';
import { isTypeLoaded, sandboxTypes, selinuxMode } from '../../../src/confine/selinux.js';

/** Where root has installed the module (scripts/test-vm --lsm selinux), nothing may be skipped. */
const isRequired = process.env['PADDOCK_TEST_REQUIRE']?.split(',').includes('selinux') === true;

export const isHere = selinuxMode() === 'enforcing' && isTypeLoaded(sandboxTypes.default);

export function need({ skip }: TestContext): void {
  if (isRequired) expect(isHere).toBe(true);
  else skip(!isHere, 'SELinux does not enforce the module here');
}

/** What a program of the host prints; throws when it fails. */
export function outsideOf(file: string, ...words: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(file, words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${file} ${words.join(' ')}: ${stderr}`);
  return stdout.trim();
}

export function labelForContainers(path: string): void {
  outsideOf('chcon', '-R', '-t', 'container_file_t', path);
}
