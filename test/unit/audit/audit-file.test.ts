import { execFileSync } from 'node:child_process';
import { chmod, chown, link, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tailAudit } from '../../../src/audit/read.js';
import { verifyAudit } from '../../../src/audit/verify.js';
import { folder, openAt } from './support/log-fixture.js';

const refused = (message: string) => ({ code: 'AUDIT_UNWRITABLE', message: expect.stringContaining(message) });

describe('a path that is not a private file of ours is refused', () => {
  it('a symbolic link, dangling or not', async () => {
    await using at = await folder();
    await symlink(join(at.dir, 'elsewhere'), at.path);
    await expect(openAt(at.path)).rejects.toMatchObject(refused('it is a symbolic link'));
    await writeFile(join(at.dir, 'elsewhere'), '', { mode: 0o600 });
    await expect(openAt(at.path)).rejects.toMatchObject(refused('it is a symbolic link'));
    expect(await readFile(join(at.dir, 'elsewhere'), 'utf8')).toBe('');
  });

  it('a file with a second name', async () => {
    await using at = await folder();
    await writeFile(join(at.dir, 'other'), '', { mode: 0o600 });
    await link(join(at.dir, 'other'), at.path);
    await expect(openAt(at.path)).rejects.toMatchObject(refused('it has 2 names'));
  });

  it('a FIFO, without waiting for its reader or writer', async () => {
    await using at = await folder();
    execFileSync('mkfifo', ['-m', '600', at.path]);
    await expect(openAt(at.path)).rejects.toMatchObject(refused('it is not a regular file'));
    await expect(verifyAudit(at.path)).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
  });

  it('a folder and a device', async () => {
    await using at = await folder();
    await mkdir(at.path, { mode: 0o700 });
    await expect(openAt(at.path)).rejects.toMatchObject(refused('it is not a regular file'));
    await expect(openAt('/dev/null')).rejects.toMatchObject(refused('it is not a regular file'));
    await expect(verifyAudit('/dev/zero')).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
  });

  it.each([0o644, 0o640, 0o660, 0o700, 0o4600])('a file of mode 0%o', async (mode) => {
    await using at = await folder();
    await writeFile(at.path, '');
    await chmod(at.path, mode);
    await expect(openAt(at.path)).rejects.toMatchObject(refused('make it private: chmod 600'));
  });

  it("another user's file", async () => {
    await using at = await folder();
    await writeFile(at.path, '', { mode: 0o600 });
    // Only root can give a file away; anybody else finds one that is another's on every system.
    if (process.getuid?.() === 0) {
      await chown(at.path, 65534, 65534);
      await expect(openAt(at.path)).rejects.toMatchObject(refused('it belongs to uid 65534'));
    } else {
      await expect(openAt('/etc/passwd')).rejects.toMatchObject(refused('it belongs to uid 0'));
    }
  });

  it.each(['notes of mine\n', 'notes of mine', '{}\n', '\u0000'.repeat(100_000), `${'x'.repeat(70_000)}\n`])(
    'a file that is no audit log (%#), which is left as it was',
    async (text) => {
      await using at = await folder();
      await writeFile(at.path, text, { mode: 0o600 });
      await expect(openAt(at.path)).rejects.toMatchObject({ code: 'AUDIT_BROKEN' });
      expect(await readFile(at.path, 'utf8')).toBe(text);
    },
  );

  it('a log that is not there, for readers', async () => {
    await using at = await folder();
    await expect(verifyAudit(at.path)).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    await expect(tailAudit(at.path, 1).next()).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
  });
});
