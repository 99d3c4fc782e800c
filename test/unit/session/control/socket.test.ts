import { chmod, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectTo, listenAt, refuseLongPath } from '../../../../src/session/control/socket.js';

describe('listening at a claimed path', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'paddock-socket-'));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  const claimOf = (path: string) => ({ path, [Symbol.asyncDispose]: () => Promise.resolve() });
  const listen = (name: string) => listenAt(claimOf(join(folder, name)), (socket) => socket.end());

  it('makes a socket for the caller alone and takes it away', async () => {
    const server = await listen('s');
    expect((await stat(join(folder, 's'))).mode & 0o777).toBe(0o600);
    const socket = await connectTo(join(folder, 's'));
    socket?.destroy();
    expect(socket).toBeDefined();
    await server[Symbol.asyncDispose]();
    expect(await readdir(folder)).toEqual([]);
    expect(await connectTo(join(folder, 's'))).toBeUndefined();
  });

  it('refuses a path that is too long for a socket, and says what to do', () => {
    const path = `/tmp/${'x'.repeat(103)}`;
    expect(() => refuseLongPath(path)).toThrow(
      expect.objectContaining({ code: 'STATE_UNWRITABLE', hint: expect.stringContaining('runtime_dir') as string }),
    );
    expect(() => refuseLongPath(path.slice(0, -1))).not.toThrow();
  });

  it('leaves a file or a link alone that is in its place', async () => {
    await writeFile(join(folder, 'file'), 'mine');
    await symlink('/etc/passwd', join(folder, 'link'));
    for (const name of ['file', 'link']) {
      await expect(listen(name)).rejects.toMatchObject({ code: 'STATE_UNWRITABLE' });
    }
    expect((await readdir(folder)).sort()).toEqual(['file', 'link']);
  });

  it('refuses a folder that others can enter', async () => {
    await chmod(folder, 0o750);
    await expect(listen('s')).rejects.toMatchObject({ code: 'STATE_UNWRITABLE' });
    await chmod(folder, 0o700);
  });
});
