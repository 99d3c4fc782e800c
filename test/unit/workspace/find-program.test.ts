import { chmod, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findProgram, type ProgramSearch } from '../../../src/workspace/find-program.js';

const elf = '\x7fELF';

describe('looking for an agent that is installed on the host', () => {
  let root: string;
  beforeEach(async () => {
    root = await realpath(await mkdtemp(join(tmpdir(), 'paddock-test-')));
  });
  afterEach(() => rm(root, { recursive: true }));

  const at = (path: string) => join(root, path);
  async function put(path: string, content: string, mode = 0o755): Promise<void> {
    await mkdir(dirname(at(path)), { recursive: true });
    await writeFile(at(path), content);
    await chmod(at(path), mode);
  }
  async function link(path: string, target: string): Promise<void> {
    await mkdir(dirname(at(path)), { recursive: true });
    await symlink(target, at(path));
  }
  const find = (changes: Partial<ProgramSearch> = {}) =>
    findProgram({
      ...{ name: 'claude', path: [at('home/bin'), at('usr/bin')].join(':'), hostFolders: [], allowedFolders: [] },
      ...{ sandboxPath: at('usr/bin'), systemFolder: at('usr') },
      ...changes,
    });

  it('finds it under /usr, at the end of its links', async () => {
    await put('usr/lib/node_modules/claude/claude', elf);
    await link('usr/bin/claude', '../lib/node_modules/claude/claude');
    expect(await find()).toEqual({ isFound: true, command: at('usr/lib/node_modules/claude/claude') });
  });

  it('finds it in a folder that is shown, also by a link from one that is not', async () => {
    await put('home/versions/2.1/claude', elf);
    await link('home/bin/claude', at('home/versions/2.1/claude'));
    const found = await find({ hostFolders: [at('home/versions')] });
    expect(found).toEqual({ isFound: true, command: at('home/versions/2.1/claude') });
  });

  it('finds it in the programs of a shown folder that is not on PATH', async () => {
    await put('opt/tools/bin/claude', elf);
    expect(await find({ hostFolders: [at('opt')] })).toEqual({ isFound: true, command: at('opt/tools/bin/claude') });
  });

  it('says where a link from a shown folder leads out of it, and which folder to show where the site allows it', async () => {
    await put('home/.npm/lib/node_modules/claude/claude', elf);
    await link('usr/bin/claude', at('home/.npm/lib/node_modules/claude/claude'));
    const allowed = await find({ allowedFolders: [at('home/.npm')] });
    expect(allowed).toMatchObject({
      isFound: false,
      why: 'not-shown',
      reason: expect.stringContaining(`leads to ${at('home/.npm/lib')}`) as unknown,
      hint: expect.stringContaining(`host_folders = ["${at('home/.npm')}"]`) as unknown,
    });
    const refused = await find({ allowedFolders: [at('home/.npm/lib')] });
    expect(refused).toMatchObject({
      hint: expect.stringMatching(
        /docs\/images\.md.*host_folders = \["[^"]*home\/\.npm"\]` in .* below `\[policy\]`/,
      ) as unknown,
    });
  });

  it('prefers one that is shown to one that is found first', async () => {
    await put('home/bin/claude', elf);
    await put('usr/bin/claude', elf);
    expect(await find()).toEqual({ isFound: true, command: at('usr/bin/claude') });
  });

  it.each(['#!/usr/bin/env node', '#!/usr/bin/env -S node --no-warnings'])(
    'wants the interpreter of a script too: %s',
    async (line) => {
      await put('usr/bin/claude', `${line}\nrun()\n`);
      await put('home/nvm/bin/node', elf);
      const lacking = await find({ path: [at('home/nvm/bin'), at('usr/bin')].join(':') });
      expect(lacking).toMatchObject({
        isFound: false,
        why: 'no-interpreter',
        reason: expect.stringContaining('for node') as unknown,
      });
      expect(await find({ hostFolders: [at('home/nvm')] })).toMatchObject({ isFound: true });
      await link('usr/bin/node', at('home/nvm/bin/node'));
      expect(await find()).toMatchObject({ why: 'no-interpreter' });
    },
  );

  it('takes an interpreter by its path only where it is shown', async () => {
    await put('usr/bin/claude', `#!${at('usr/bin/node')} --x\n`);
    expect(await find()).toMatchObject({ why: 'no-interpreter' });
    await put('usr/bin/node', elf);
    expect(await find()).toMatchObject({ isFound: true });
  });

  it.each([
    ['nothing', () => Promise.resolve()],
    ['a file that may not be run', () => put('usr/bin/claude', elf, 0o644)],
    ['a folder', () => mkdir(at('usr/bin/claude'), { recursive: true }).then(() => undefined)],
    ['a link to nowhere', () => link('usr/bin/claude', at('nowhere'))],
    ['one in a relative folder of PATH', () => put('relative/claude', elf)],
  ] as const)('says that there is none where there is %s', async (_what, make) => {
    await make();
    const found = await find({ path: `relative::${at('usr/bin')}` });
    expect(found).toMatchObject({
      isFound: false,
      why: 'missing',
      hint: expect.stringContaining('npm install') as unknown,
    });
  });
});
