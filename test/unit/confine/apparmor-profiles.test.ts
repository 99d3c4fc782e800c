import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nestedProfile, profileWith, sandboxProfile } from '../../../src/confine/apparmor.js';
import { seccompVariants } from '../../../src/core/spec.js';

/** `npm run profiles` sets it, and copies what both profiles have. */
const isUpdating = process.env['PADDOCK_UPDATE_GOLDEN'] === '1';
const root = join(import.meta.dirname, '../../..');
const pathOf = (profile: string) => join(root, 'profiles/apparmor', profile);
const textOf = (profile: string) => readFileSync(pathOf(profile), 'utf8');
const mark = '  # From here on the same in paddock-sandbox and paddock-sandbox-nested: ';

/** What is a profile's own, and what it has in common with the other. */
function halves(profile: string): { readonly own: string; readonly common: string } {
  const [own = '', ...rest] = textOf(profile).split(mark);
  expect(rest).toHaveLength(1);
  return { own, common: mark + (rest[0] ?? '') };
}

const rulesIn = (text: string) => text.split('\n').map((line) => line.trim().replace(/\s*#.*/, ''));

describe('the shipped AppArmor profiles', () => {
  it('are the ones that sandboxes ask for, by the filter they have', () => {
    expect(seccompVariants.map(profileWith)).toEqual([sandboxProfile, sandboxProfile, nestedProfile]);
    for (const profile of [sandboxProfile, nestedProfile]) expect(textOf(profile)).toContain(`\nprofile ${profile} `);
  });

  it('have in common all but what nested sessions are given', () => {
    const made = halves(nestedProfile).own + halves(sandboxProfile).common;
    if (isUpdating) writeFileSync(pathOf(nestedProfile), made);
    expect(textOf(nestedProfile)).toBe(made);
  });

  it('have no way out of themselves', () => {
    for (const text of [sandboxProfile, nestedProfile].map(textOf)) {
      expect(text).not.toMatch(/^\s*(?:audit )?(?:change_profile|allow)\b/m);
      expect(text).not.toMatch(/^\s*(?!deny)\S*\s+\S*[UPC]x\b/m);
      expect(text).not.toMatch(/unconfined\)|flags=\([^)]*complain/);
    }
  });

  it('give no capability and no mount, but under nested', () => {
    const opening = /^(?:capability|mount|remount|umount|pivot_root|userns)\b/;
    expect(rulesIn(textOf(sandboxProfile)).filter((rule) => opening.test(rule))).toEqual([]);
    expect(rulesIn(halves(nestedProfile).common).filter((rule) => opening.test(rule))).toEqual([]);
    const given = rulesIn(textOf(nestedProfile)).filter((rule) => /^capability\b/.test(rule));
    const names = ['sys_admin', 'sys_chroot', 'net_admin', 'setuid', 'setgid', 'setpcap'];
    expect(given).toEqual(names.map((name) => `capability ${name},`));
    // A rule without a type or options would be for every file system there is.
    expect(rulesIn(textOf(nestedProfile))).not.toContain('mount,');
  });
});
