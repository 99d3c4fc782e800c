import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isAppArmorOn, loadedProfile, nestedProfile, sandboxProfile } from '../../../src/confine/apparmor.js';
import { AppArmorInstall } from '../../../src/confine/apparmor-install.js';
import { AppArmorRecords } from '../../../src/confine/apparmor-record.js';

let root: string;
const trustedUid = process.getuid?.() ?? 0;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'paddock-apparmor-'));
  file('sys/module/apparmor/parameters/enabled', 'Y\n');
  mkdirSync(join(root, profiles), { recursive: true });
  mkdirSync(join(root, 'etc'));
  file('shipped', 'profile paddock-sandbox {}\n');
  file('presented/paddock-sandbox', 'profile paddock-sandbox {}\n');
});
afterEach(() => rmSync(root, { recursive: true }));

const profiles = 'sys/kernel/security/apparmor/policy/profiles';
const sys = () => join(root, 'sys');

function file(path: string, text: string, mode = 0o644): void {
  mkdirSync(join(root, path, '..'), { recursive: true });
  writeFileSync(join(root, path), text, { mode });
}

/** As the kernel shows a profile: a folder with a number behind its name. */
function load(name: string, mode: string, number = 7): void {
  file(`${profiles}/${name}.${number}/name`, `${name}\n`);
  file(`${profiles}/${name}.${number}/mode`, `${mode}\n`);
}

describe('what the kernel tells of AppArmor', () => {
  it('is that it is on, or not, or not there', () => {
    expect(isAppArmorOn(sys())).toBe(true);
    file('sys/module/apparmor/parameters/enabled', 'N\n');
    expect(isAppArmorOn(sys())).toBe(false);
    expect(isAppArmorOn(join(root, 'nothing'))).toBe(false);
  });

  it('is the mode of a profile that is loaded under exactly this name', () => {
    load('paddock-sandbox.old', 'complain');
    load('paddock-sandboxes', 'complain', 8);
    load(nestedProfile, 'complain', 9);
    expect(loadedProfile(sandboxProfile, sys())).toBeUndefined();
    load('paddock-sandbox', 'enforce', 104);
    expect(loadedProfile(sandboxProfile, sys())).toEqual({ mode: 'enforce' });
    file(`${profiles}/paddock-sandbox.104/sha1`, 'aa\n');
    expect(loadedProfile(sandboxProfile, sys())?.hash).toEqual({ algorithm: 'sha1', value: 'aa' });
    file(`${profiles}/paddock-sandbox.104/sha256`, 'bb\n');
    expect(loadedProfile(sandboxProfile, sys())?.hash).toEqual({ algorithm: 'sha256', value: 'bb' });
    expect(loadedProfile(sandboxProfile, join(root, 'nothing'))).toBeUndefined();
  });
});

describe('the installation of the AppArmor profile', () => {
  /** A parser that loads, or says what the test tells it to. */
  function install(script: string): AppArmorInstall {
    file('parser', `#!/bin/sh\necho "$@" >>${root}/asked\n${script}\n`, 0o755);
    return new AppArmorInstall({
      ...{ profile: sandboxProfile, shipped: join(root, 'shipped'), installed: join(root, 'etc/paddock-sandbox') },
      ...{ sysRoot: sys(), procRoot: join(root, 'proc'), parser: join(root, 'parser') },
      records: new AppArmorRecords({
        shipped: join(root, 'presented'),
        folder: join(root, 'var/apparmor'),
        trustedUid,
      }),
    });
  }
  const folder = () => join(root, profiles, 'paddock-sandbox.7');
  const loads = () =>
    `mkdir ${folder()} && echo paddock-sandbox >${folder()}/name && echo enforce >${folder()}/mode && echo ${hash} >${folder()}/sha256`;
  const hash = '1234abcd'.repeat(8);
  const asked = () => readFileSync(join(root, 'asked'), 'utf8');

  it('puts the file there and has it loaded, once more over an older one', async () => {
    const profile = install(`rm -rf ${folder()}; ${loads()}`);
    expect(await profile.state()).toMatchObject({ isOn: true, file: 'none', mode: undefined });
    file('etc/paddock-sandbox', 'older');
    expect(await profile.state()).toMatchObject({ file: 'another' });
    await profile.install();
    const loaded = { is: 'shipped', hash: '1234abcd' };
    expect(await profile.state()).toEqual({ isOn: true, file: 'current', mode: 'enforce', loaded });
    expect(asked()).toBe(`--replace --write-cache ${root}/etc/paddock-sandbox\n`);
    expect(readdirSync(join(root, 'etc'))).toEqual(['paddock-sandbox']);
  });

  it.each([
    ['the parser refuses it', () => 'echo no such abi >&2; exit 1', 'refused: no such abi'],
    ['the kernel does not have it afterwards', () => 'exit 0', 'the kernel has it not'],
    ['the kernel only complains', () => loads().replace('enforce', 'complain'), 'in complain mode'],
  ])('leaves the file as it was when %s', async (_, script, why) => {
    const failure = { code: 'PROFILE_NOT_LOADED', message: expect.stringContaining(why) };
    await expect(install(script()).install()).rejects.toMatchObject(failure);
    expect(readdirSync(join(root, 'etc'))).toEqual([]);
    rmSync(folder(), { recursive: true, force: true });
    file('etc/paddock-sandbox', 'older');
    await expect(install(script()).install()).rejects.toMatchObject(failure);
    expect(readFileSync(join(root, 'etc/paddock-sandbox'), 'utf8')).toBe('older');
  });

  it('is undone when what was loaded can’t be recorded', async () => {
    file('var', 'in the way');
    await expect(install(loads()).install()).rejects.toMatchObject({
      ...{ code: 'PROFILE_NOT_LOADED', message: expect.stringContaining('can not be written') },
    });
    expect(readdirSync(join(root, 'etc'))).toEqual([]);
  });

  it('is refused where the kernel does not use AppArmor, or there is no parser', async () => {
    const profile = install(loads());
    rmSync(join(root, 'parser'));
    await expect(profile.install()).rejects.toMatchObject({ message: expect.stringContaining('there is no ') });
    file('sys/module/apparmor/parameters/enabled', 'N\n');
    await expect(profile.install()).rejects.toMatchObject({ code: 'PROFILE_NOT_LOADED' });
    expect(readdirSync(join(root, 'etc'))).toEqual([]);
  });

  it('is taken back, and not while something runs under it, alone or in a stack', async () => {
    const profile = install(`case $1 in --remove) rm -r ${folder()} ;; *) ${loads()} ;; esac`);
    await profile.install();
    file('proc/1/attr/apparmor/current', 'unconfined\n');
    file('proc/70/attr/apparmor/current', 'paddock-sandbox (enforce)\n');
    file('proc/71/attr/apparmor/current', 'crun//&paddock-sandbox (mixed)\n');
    file('proc/72/attr/apparmor/current', 'paddock-sandbox-nested (enforce)\n');
    await expect(profile.uninstall()).rejects.toMatchObject({
      message: expect.stringMatching(/^2 processes run under/),
    });
    for (const pid of [70, 71]) rmSync(join(root, `proc/${pid}`), { recursive: true });
    expect(readdirSync(join(root, 'var/apparmor'))).toEqual(['paddock-sandbox.json']);
    expect(await profile.uninstall()).toBe(true);
    expect(readdirSync(join(root, 'var/apparmor'))).toEqual([]);
    expect(await profile.state()).toMatchObject({ isOn: true, file: 'none', mode: undefined });
    expect(await profile.uninstall()).toBe(false);
  });
});
