import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { removeTree } from '../../../src/kit/remove-tree.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'paddock-tree-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe('removing a tree', () => {
  it('takes closed folders, names that are no text, deep ones and those that look like its own', async () => {
    const tree = join(root, 'tree');
    await mkdir(join(tree, 'closed/below'), { recursive: true });
    await writeFile(join(tree, 'closed/below/file'), '');
    await writeFile(Buffer.concat([Buffer.from(`${tree}/`), Buffer.from([0x66, 0xff])]), '');
    await mkdir(join(tree, `${process.pid}-0`, 'inner/leaf'), { recursive: true });
    await mkdir(join(tree, ...Array<string>(400).fill('deep')), { recursive: true });
    await chmod(join(tree, 'closed/below'), 0);
    await chmod(join(tree, 'closed'), 0);
    await removeTree(tree);
    expect(await readdir(root)).toEqual([]);
  });

  it('follows no link, neither to a folder nor as the tree itself', async () => {
    await mkdir(join(root, 'other'));
    await writeFile(join(root, 'other/kept'), 'kept');
    await mkdir(join(root, 'tree/in'), { recursive: true });
    await symlink(join(root, 'other'), join(root, 'tree/in/out'));
    await symlink(join(root, 'other'), join(root, 'tree/out'));
    await removeTree(join(root, 'tree'));
    await symlink(join(root, 'other'), join(root, 'link'));
    await expect(removeTree(join(root, 'link'))).rejects.toMatchObject({ code: 'ENOTDIR' });
    expect(await readFile(join(root, 'other/kept'), 'utf8')).toBe('kept');
  });

  it('has nothing to do where there is none, and says what stays', async () => {
    await removeTree(join(root, 'none'));
    await writeFile(join(root, 'file'), '');
    await expect(removeTree(join(root, 'file'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  });
});
