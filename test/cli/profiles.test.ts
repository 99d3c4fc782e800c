import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isAppArmorOn } from '../../src/confine/apparmor.js';
import { selinuxMode } from '../../src/confine/selinux.js';
import { document, paddock } from '../e2e/support/paddock.js';
import { Place } from '../e2e/support/place.js';
import { ownProfiles } from '../e2e/support/profiles.js';

describe('paddock profiles', () => {
  it('lists every profile, and shows each as it is shipped', async () => {
    await using place = await Place.make();
    const listed = document(await paddock(place, ['profiles', 'list', '--json']))['profiles'] as { name: string }[];
    expect(listed.map(({ name }) => name)).toEqual([
      ...['apparmor', 'apparmor-nested', 'selinux', 'seccomp-default', 'seccomp-debug', 'seccomp-nested'],
    ]);
    const shown = async (name: string) => (await paddock(place, ['profiles', 'show', name])).stdout.toString();
    expect(await shown('apparmor')).toBe(readFileSync('profiles/apparmor/paddock-sandbox', 'utf8'));
    expect(await shown('apparmor-nested')).toBe(readFileSync('profiles/apparmor/paddock-sandbox-nested', 'utf8'));
    expect(await shown('selinux')).toBe(readFileSync('profiles/selinux/paddock.cil', 'utf8'));
    expect(JSON.parse(await shown('seccomp-nested'))).toEqual(
      JSON.parse(readFileSync('profiles/seccomp/nested.json', 'utf8')),
    );
  });

  it('lists what --profile can name, and shows what a session would have and why', async () => {
    await using place = await Place.make();
    const env = ownProfiles(place, 'seccomp = ["debug"]\nrequire = ["pids"]\n[policy.ceilings]\ndisk = "512m"');
    const json = async (words: readonly string[]) =>
      document(await paddock(place, ['profiles', ...words, '--json'], { env }));
    const listed = (await json(['list']))['presets'] as { name: string; refused?: { ruleId: string } }[];
    expect(listed.map(({ name, refused }) => [name, refused?.ruleId])).toEqual([
      ...[
        ['debug', undefined],
        ['nested', 'seccomp.not-allowed'],
        ['standard', undefined],
      ],
      ...[
        ['strict', undefined],
        ['thrifty', undefined],
      ],
    ]);
    const shown = await json(['show', 'strict', '--memory', '3g', '--tmp', '1m']);
    const settings = `file:${env['XDG_CONFIG_HOME']}/paddock/config.toml`;
    expect(shown['values']).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ name: 'memory', value: 3 * 1024 ** 3, text: '3 GiB', origin: 'request' }),
        expect.objectContaining({ name: 'tmp', text: '1 MiB', origin: 'flag:--tmp' }),
        expect.objectContaining({ name: 'idle', text: '10m', origin: 'profile:strict' }),
      ]),
    );
    const text = (await paddock(place, ['profiles', 'show', 'strict'], { env })).stdout.toString();
    expect(text).toMatch(/^disk +512 MiB +default, lowered from 10 GiB by|^disk +512 MiB +default$/m);
    expect(text).toMatch(/^host-lsm \(here: .+\) +profile:strict$/m);
    expect(text).toContain(settings);
  });

  it('shows what a site does not allow with the refusal, checks by it, and names those that there are', async () => {
    await using place = await Place.make();
    const shown = await paddock(place, ['profiles', 'show', 'nested']);
    expect([shown.status, shown.stdout.toString()]).toEqual([0, expect.stringContaining('[rule seccomp.not-allowed]')]);
    expect(shown.stdout.toString()).toMatch(/^seccomp +nested +profile:nested$/m);
    expect((await paddock(place, ['profiles', 'check', 'nested'])).status).toBe(1);
    expect((await paddock(place, ['profiles', 'check', 'strict'])).status).toBe(0);
    const unknown = await paddock(place, ['profiles', 'show', 'lax']);
    expect([unknown.status, unknown.stderr]).toEqual([
      2,
      expect.stringContaining(
        'name one of debug, nested, standard, strict, apparmor, apparmor-nested, selinux, seccomp-default',
      ),
    ]);
    const misplaced = await paddock(place, ['profiles', 'show', 'apparmor', '--memory', '1g']);
    expect([misplaced.status, misplaced.stderr]).toEqual([2, expect.stringContaining('--memory goes with')]);
  });

  it.each([
    ['apparmor', isAppArmorOn(), /sudo apparmor_parser -[rR] \/etc\/apparmor.d\/paddock-sandbox(?![-\w])/],
    [
      'apparmor-nested',
      isAppArmorOn(),
      /sudo apparmor_parser -[rR] \/etc\/apparmor.d\/paddock-sandbox-nested(?![-\w])/,
    ],
    ['selinux', selinuxMode() !== undefined, /sudo semodule -/],
  ])(
    'checks %s by its exit code, and tells whoever is not root how root does it by hand',
    async (name, isOn, byHand) => {
      await using place = await Place.make();
      const checked = await paddock(place, ['profiles', 'check', name, '--json']);
      expect(checked.status).toBe(document(checked)['ok'] === true ? 0 : 1);
      expect(document(checked)['isOn']).toBe(isOn);
      for (const action of ['install', 'uninstall']) {
        const refused = await paddock(place, ['profiles', action, name]);
        expect([refused.status, refused.stderr]).toEqual([7, expect.stringMatching(byHand)]);
      }
    },
  );

  it.each([
    [],
    ['list', 'apparmor'],
    ['show'],
    ['show', 'smack'],
    ['check', 'seccomp-default'],
    ['install', 'seccomp-default'],
    ['toString', 'apparmor'],
  ])('refuses %j', async (...words) => {
    await using place = await Place.make();
    expect((await paddock(place, ['profiles', ...words])).status).toBe(2);
  });
});
