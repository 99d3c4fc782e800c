import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { diskEffects } from '../../../src/config/effects.js';
import { loadConfig } from '../../../src/config/load.js';

describe('reading settings from disk', () => {
  let folder = '';
  const at = (name: string) => join(folder, name);

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'paddock-config-'));
    writeFileSync(at('plain'), 'pull = true\n', { mode: 0o640 });
    symlinkSync('plain', at('link'));
    mkdirSync(at('folder'));
    writeFileSync(at('large'), 'x'.repeat(300_000));
    execFileSync('mkfifo', [at('fifo')]);
  });

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it('returns text, owner and mode through one descriptor', async () => {
    const uid = process.getuid?.();
    expect(await diskEffects.readFile(at('plain'), false)).toEqual({
      text: 'pull = true\n',
      ownerUid: uid,
      mode: 0o640,
    });
  });

  it('finds nothing where nothing is', async () => {
    expect(await diskEffects.readFile(at('missing'), false)).toBeUndefined();
    expect(await diskEffects.readFile(at('plain/below'), false)).toBeUndefined();
  });

  it('follows links only when asked to', async () => {
    await expect(diskEffects.readFile(at('link'), false)).rejects.toMatchObject({ code: 'BAD_CONFIG' });
    expect(await diskEffects.readFile(at('link'), true)).toMatchObject({ text: 'pull = true\n' });
  });

  it.each(['folder', 'fifo', 'large'])('refuses a %s', async (name) => {
    await expect(diskEffects.readFile(at(name), true)).rejects.toMatchObject({
      code: 'BAD_CONFIG',
      info: { file: at(name) },
    });
  });

  it('lists a folder as it lists no file, through no link unless asked to', async () => {
    mkdirSync(at('listed'), { mode: 0o750 });
    for (const name of ['b.toml', 'a.toml']) writeFileSync(at(`listed/${name}`), '');
    symlinkSync('listed', at('link-to-listed'));
    const found = { names: ['a.toml', 'b.toml'], ownerUid: process.getuid?.(), mode: 0o750 };
    expect(await diskEffects.readFolder(at('listed'), false)).toEqual(found);
    expect(await diskEffects.readFolder(at('link-to-listed'), true)).toEqual(found);
    expect(await diskEffects.readFolder(at('missing'), false)).toBeUndefined();
    for (const name of ['plain', 'link-to-listed']) {
      await expect(diskEffects.readFolder(at(name), false)).rejects.toMatchObject({ code: 'BAD_CONFIG' });
    }
  });

  it('takes an injected policy of our own, and refuses it once others may write it', async () => {
    const input = { env: { XDG_CONFIG_HOME: folder }, flags: {}, homeDir: folder, uid: process.getuid?.() ?? 0 };
    const load = async (name: string) => await loadConfig({ ...input, policyPath: at(name) });
    expect((await load('plain')).sitePolicy.pullAllowed).toBe(true);
    await expect(load('link')).rejects.toMatchObject({ code: 'BAD_CONFIG' });
    chmodSync(at('plain'), 0o662);
    await expect(load('plain')).rejects.toMatchObject({ code: 'BAD_CONFIG' });
  });
});
