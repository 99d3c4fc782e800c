import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { extract } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hostFolderBinds, hostImageBinds, programPaths } from '../../../src/workspace/host-binds.js';
import { buildHostImage } from '../../../src/workspace/host-image.js';
import { readHostLayout } from '../../../src/workspace/host-layout.js';

let root: string;
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'paddock-host-')));
  for (const folder of [
    'usr/bin',
    'usr/lib',
    'usr/share/zoneinfo',
    'etc/alternatives',
    'etc/ssl/certs',
    'etc/ssl/private',
  ]) {
    await mkdir(join(root, folder), { recursive: true });
  }
  await writeFile(join(root, 'usr/share/zoneinfo/UTC'), '');
  await writeFile(join(root, 'etc/ld.so.cache'), '');
  await symlink('usr/bin', join(root, 'bin'));
  await symlink('../usr/share/zoneinfo/UTC', join(root, 'etc/localtime'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

interface Seen {
  readonly type: string | null | undefined;
  readonly mode: number | undefined;
  readonly uid: number | undefined;
  readonly mtimeMs: number;
  readonly link: string | null | undefined;
}

async function entriesOf(tar: Buffer): Promise<Map<string, Seen>> {
  const seen = new Map<string, Seen>();
  for await (const entry of Readable.from([tar]).pipe(extract())) {
    const { name, type, mode, uid, mtime, linkname } = entry.header;
    seen.set(name.replace(/\/$/, ''), { type, mode, uid, mtimeMs: mtime.getTime(), link: linkname });
    entry.resume();
  }
  return seen;
}

describe('what the host image takes over from a host', () => {
  it('is links into /usr, and the parts of /etc that exist', async () => {
    expect((await readHostLayout(root)).entries).toEqual([
      { path: '/bin', kind: 'link', target: 'usr/bin' },
      { path: '/etc/alternatives', kind: 'folder' },
      { path: '/etc/ld.so.cache', kind: 'file' },
      { path: '/etc/localtime', kind: 'link', target: '../usr/share/zoneinfo/UTC' },
      { path: '/etc/ssl/certs', kind: 'folder' },
    ]);
  });

  it('shows the folders themselves where they are not merged into /usr', async () => {
    await mkdir(join(root, 'lib'));
    expect((await readHostLayout(root)).entries).toContainEqual({ path: '/lib', kind: 'folder' });
  });

  it('leaves out links that lead elsewhere or nowhere, and private keys', async () => {
    await rm(join(root, 'etc/ssl/certs'), { recursive: true });
    await symlink('private', join(root, 'etc/ssl/certs'));
    await symlink('/nowhere', join(root, 'etc/crypto-policies'));
    const paths = (await readHostLayout(root)).entries.map((entry) => entry.path);
    expect(paths).not.toContain('/etc/ssl/certs');
    expect(paths).not.toContain('/etc/crypto-policies');
    expect(paths.some((path) => path.includes('private'))).toBe(false);
  });
});

describe('the host image', () => {
  it('is the same for the same layout and named by its content', async () => {
    const layout = await readHostLayout(root);
    const [one, two] = [await buildHostImage(layout), await buildHostImage(layout)];
    expect(one.tar.equals(two.tar)).toBe(true);
    expect(one.reference).toMatch(/^localhost\/paddock\/host:[0-9a-f]{16}$/);
    const other = await buildHostImage({ entries: [] });
    expect(other.reference).not.toBe(one.reference);
  });

  it('holds no date, no owner but 0, and a place for everything that is shown', async () => {
    const entries = await entriesOf((await buildHostImage(await readHostLayout(root))).tar);
    expect([...entries.values()].every((entry) => entry.uid === 0 && entry.mtimeMs === 0)).toBe(true);
    expect([...entries.keys()]).toEqual([...entries.keys()].sort());
    expect(entries.get('bin')).toMatchObject({ type: 'symlink', link: 'usr/bin' });
    expect(entries.get('tmp')?.mode).toBe(0o1777);
    expect(entries.get('etc/ssl')?.type).toBe('directory');
    expect(entries.get('etc/ld.so.cache')?.type).toBe('file');
    expect(['usr', 'workspace', 'home/agent', '.paddock'].map((name) => entries.get(name)?.type)).toEqual(
      Array.from({ length: 4 }, () => 'directory'),
    );
  });
});

describe('binds of the host image', () => {
  it('show /usr and what is mounted in it, each read-only at its own path', async () => {
    const mountinfoPath = join(root, 'mountinfo');
    await writeFile(mountinfoPath, '1 0 8:1 / / rw - ext4 a rw\n2 1 0:9 / /usr/bin rw - tmpfs t rw\n');
    const binds = await hostImageBinds({ entries: [] }, mountinfoPath);
    expect(binds.map(({ source, target, readOnly }) => [source, target, readOnly])).toEqual([
      ['/usr', '/usr', true],
      ['/usr/bin', '/usr/bin', true],
    ]);
  });

  it('show folders of programs that pass, and refuse credentials', async () => {
    await mkdir(join(root, 'home/.nvm/versions/node/v9.0.0/bin'), { recursive: true });
    await mkdir(join(root, 'home/.nvm/versions/node/v22.1.0/bin'), { recursive: true });
    await mkdir(join(root, 'home/.aws'), { recursive: true });
    const home = join(root, 'home');
    const context = { allowedRoots: [home], homeDir: home, uid: process.getuid?.() ?? 0, privateFolders: [] };
    const versions = join(home, '.nvm/versions');
    expect((await hostFolderBinds([versions], context))[0]).toMatchObject({ target: versions, readOnly: true });
    await expect(hostFolderBinds([join(home, '.aws')], context)).rejects.toMatchObject({
      ruleId: 'workspace.credentials',
    });
    expect(await programPaths(versions)).toEqual([`${versions}/node/v22.1.0/bin`, `${versions}/node/v9.0.0/bin`]);
  });
});
