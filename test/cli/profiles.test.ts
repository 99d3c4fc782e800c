import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isAppArmorOn } from '../../src/confine/apparmor.js';
import { document, paddock } from '../e2e/support/paddock.js';
import { Place } from '../e2e/support/place.js';

describe('paddock profiles', () => {
  it('lists every profile, and shows each as it is shipped', async () => {
    await using place = await Place.make();
    const listed = document(await paddock(place, ['profiles', 'list', '--json']))['profiles'] as { name: string }[];
    expect(listed.map(({ name }) => name)).toEqual([
      ...['apparmor', 'apparmor-nested', 'seccomp-default', 'seccomp-debug', 'seccomp-nested'],
    ]);
    const shown = async (name: string) => (await paddock(place, ['profiles', 'show', name])).stdout.toString();
    expect(await shown('apparmor')).toBe(readFileSync('profiles/apparmor/paddock-sandbox', 'utf8'));
    expect(await shown('apparmor-nested')).toBe(readFileSync('profiles/apparmor/paddock-sandbox-nested', 'utf8'));
    expect(JSON.parse(await shown('seccomp-nested'))).toEqual(
      JSON.parse(readFileSync('profiles/seccomp/nested.json', 'utf8')),
    );
  });

  it('checks by its exit code, and tells whoever is not root how root does it by hand', async () => {
    await using place = await Place.make();
    const checked = await paddock(place, ['profiles', 'check', 'apparmor', '--json']);
    expect(checked.status).toBe(document(checked)['ok'] === true ? 0 : 1);
    expect(document(checked)['isOn']).toBe(isAppArmorOn());
    for (const [name, file] of [
      ['apparmor', 'paddock-sandbox'],
      ['apparmor-nested', 'paddock-sandbox-nested'],
    ] as const) {
      for (const action of ['install', 'uninstall']) {
        const refused = await paddock(place, ['profiles', action, name]);
        const byHand = new RegExp(`sudo apparmor_parser -[rR] /etc/apparmor.d/${file}(?![-\\w])`);
        expect([refused.status, refused.stderr]).toEqual([7, expect.stringMatching(byHand)]);
      }
    }
  });

  it.each([
    [],
    ['list', 'apparmor'],
    ['show'],
    ['show', 'selinux'],
    ['install', 'seccomp-default'],
    ['toString', 'apparmor'],
  ])('refuses %j', async (...words) => {
    await using place = await Place.make();
    expect((await paddock(place, ['profiles', ...words])).status).toBe(2);
  });
});
