import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LoadedProfile } from '../../../src/confine/apparmor.js';
import { AppArmorRecords, type RecordPlaces } from '../../../src/confine/apparmor-record.js';

const name = 'paddock-sandbox';
const rules = 'abi <abi/3.0>,\n#include <tunables/global>\n\nprofile paddock-sandbox {\n  # Why.\n  file,\n}\n';
const loaded: LoadedProfile = { mode: 'enforce', hash: { algorithm: 'sha256', value: 'f9808eb7'.repeat(8) } };

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'paddock-records-'));
  mkdirSync(join(root, 'shipped'));
  ship(rules);
});
afterEach(() => rmSync(root, { recursive: true }));

const ship = (text: string) => writeFileSync(join(root, 'shipped', name), text);
const path = () => join(root, 'var/apparmor', `${name}.json`);

function records(changes: Partial<RecordPlaces> = {}): AppArmorRecords {
  const trustedUid = process.getuid?.() ?? 0;
  const places = { shipped: join(root, 'shipped'), folder: join(root, 'var/apparmor'), trustedUid };
  return new AppArmorRecords({ ...places, kernelRelease: '6.12.0', ...changes });
}

describe('a loaded profile is held against what root recorded', () => {
  it('and is the shipped one when both the hash and the text agree; for everybody to read', async () => {
    await records().write(name, rules, loaded);
    expect(records().judge(name, loaded)).toEqual({ is: 'shipped', hash: 'f9808eb7' });
    expect(JSON.parse(readFileSync(path(), 'utf8'))).toMatchObject({ version: 1, profile: name, kernel: '6.12.0' });
    // Comments and indents compile to nothing.
    ship(rules.replace('# Why.', '# Why not.\n').replaceAll('  ', '    '));
    expect(records().judge(name, loaded).is).toBe('shipped');
  });

  it.each([
    ['a rule', '  file,', '  file,\n  deny mount,'],
    ['what is included', '#include <tunables/global>', '#include <tunables/other>'],
  ])('and is outdated when this Paddock has another text: %s', async (_, before, after) => {
    await records().write(name, rules, loaded);
    ship(rules.replace(before, after));
    expect(records().judge(name, loaded)).toMatchObject({
      is: 'outdated',
      why: expect.stringContaining('another version'),
    });
  });

  it('and is changed when the same kernel has something else', async () => {
    await records().write(name, rules, loaded);
    const other = { ...loaded, hash: { algorithm: 'sha256', value: '0'.repeat(64) } } as const;
    expect(records().judge(name, other)).toMatchObject({ is: 'changed', hash: '00000000' });
  });

  it('and is not known when another kernel, which may compile it anew, has something else', async () => {
    await records().write(name, rules, loaded);
    const other = { ...loaded, hash: { algorithm: 'sha256', value: '0'.repeat(64) } } as const;
    const onAnother = records({ kernelRelease: '6.13.0' });
    expect(onAnother.judge(name, other)).toMatchObject({ is: 'unknown', why: expect.stringContaining('6.12.0') });
    expect(onAnother.judge(name, loaded).is).toBe('shipped');
    const older = { ...loaded, hash: { algorithm: 'sha1', value: '0'.repeat(40) } } as const;
    expect(records().judge(name, older).is).toBe('unknown');
  });

  it('and is not known without a record, a hash, a profile, or what was shipped', async () => {
    expect(records().judge(name, loaded)).toMatchObject({
      is: 'unknown',
      why: expect.stringContaining('nobody recorded'),
    });
    expect(records().judge(name, { mode: 'enforce' })).toMatchObject({ why: expect.stringContaining('no hash') });
    expect(records().judge(name, undefined)).toMatchObject({ is: 'unknown', why: 'it is not loaded' });
    await records().write(name, rules, loaded);
    rmSync(join(root, 'shipped', name));
    expect(records().judge(name, loaded)).toMatchObject({
      is: 'unknown',
      why: expect.stringContaining('can not be read'),
    });
  });

  it('which goes where the kernel keeps no hash any more, and with the profile', async () => {
    await records().write(name, rules, loaded);
    await records().write(name, rules, { mode: 'enforce' });
    expect(records().judge(name, loaded).why).toContain('nobody recorded');
    await records().write(name, rules, loaded);
    await records().remove(name);
    expect(records().judge(name, loaded).why).toContain('nobody recorded');
  });
});

describe('a record counts for nothing', () => {
  beforeEach(() => records().write(name, rules, loaded));
  const why = (changes: Partial<RecordPlaces> = {}) => {
    const { is, why: reason } = records(changes).judge(name, loaded);
    expect(is).toBe('unknown');
    return reason;
  };

  it.each(['', '/..', '/../..'])('when others could have written it, or put another in its place: %j', (up) => {
    const target = join(path(), up);
    chmodSync(target, up === '' ? 0o664 : 0o775);
    expect(why()).toContain('others than root could have written');
  });

  it('when it is not root’s', () => {
    expect(why({ trustedUid: 54_321 })).toContain('others than root could have written');
  });

  it('when it is a link, a folder, too large, or not to be understood', () => {
    renameSync(path(), `${path()}.real`);
    symlinkSync(`${path()}.real`, path());
    expect(why()).toContain('can not be read');
    rmSync(path());
    mkdirSync(path());
    expect(why()).toContain('others than root');
    rmSync(path(), { recursive: true });
    writeFileSync(path(), ' '.repeat(20_000), { mode: 0o644 });
    expect(why()).toContain('others than root');
    writeFileSync(path(), '{"version":2}');
    expect(why()).toContain('can not be understood');
    writeFileSync(path(), 'no JSON');
    expect(why()).toContain('can not be read');
  });

  it('for another profile', () => {
    renameSync(path(), join(root, 'var/apparmor/other.json'));
    writeFileSync(join(root, 'shipped/other'), rules);
    expect(records().judge('other', loaded)).toMatchObject({
      is: 'unknown',
      why: expect.stringContaining('understood'),
    });
  });
});
