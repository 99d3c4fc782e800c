import { execFileSync } from 'node:child_process';
import { lstat, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PolicyDenied } from '../../../src/core/errors.js';
import { type ApprovalContext, approveHostPath, approveWorkingDirectory } from '../../../src/workspace/approve.js';
import { walkDown } from '../../../src/workspace/open-without-links.js';

let home: string;
let context: ApprovalContext;
beforeEach(async () => {
  const base = await realpath(await mkdtemp(join(tmpdir(), 'paddock-approve-')));
  home = join(base, 'home');
  await mkdir(join(home, 'project', 'sub'), { recursive: true });
  await mkdir(join(home, '.ssh'));
  await writeFile(join(home, 'tool.js'), '');
  await writeFile(join(base, 'mountinfo'), '1 0 8:1 / / rw - ext4 /dev/a rw\n');
  const uid = process.getuid?.() ?? 0;
  context = { allowedRoots: [home], homeDir: home, uid, privateFolders: [], mountinfoPath: join(base, 'mountinfo') };
});
afterEach(() => rm(join(home, '..'), { recursive: true, force: true }));

const project = (hostPath: string, readOnly = true) => ({ hostPath, readOnly, purpose: 'workspace' as const });

async function ruleOf(attempt: Promise<unknown>): Promise<string> {
  const error = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof PolicyDenied ? error.ruleId : `no refusal: ${String(error)}`;
}

describe('approving a host path', () => {
  it('gives the resolved path with its device and inode', async () => {
    const stat = await lstat(join(home, 'project'), { bigint: true });
    expect(await approveHostPath(project(join(home, 'project', 'sub', '..')), context)).toEqual({
      ...{ source: join(home, 'project'), dev: String(stat.dev), ino: String(stat.ino), kind: 'folder' },
      ...{ readOnly: true, submounts: [] },
    });
  });

  it('judges a link by where it leads', async () => {
    await symlink(join(home, 'project'), join(home, 'good'));
    await symlink(join(home, '.ssh'), join(home, 'bad'));
    expect((await approveHostPath(project(join(home, 'good')), context)).source).toBe(join(home, 'project'));
    expect(await ruleOf(approveHostPath(project(join(home, 'bad')), context))).toBe('workspace.dot-folder');
    expect(await ruleOf(approveHostPath(project(join(home, 'project/../.ssh')), context))).toBe('workspace.dot-folder');
  });

  it('resolves links in allowed roots, home and private folders before it compares', async () => {
    await symlink(home, join(home, '..', 'alias'));
    const alias = join(home, '..', 'alias');
    const aliased = { ...context, homeDir: alias, allowedRoots: [alias] };
    expect((await approveHostPath(project(join(alias, 'project')), aliased)).source).toBe(join(home, 'project'));
    expect(await ruleOf(approveHostPath(project(home), aliased))).toBe('workspace.home');
    const fenced = { ...context, privateFolders: [join(alias, 'project', 'sub')] };
    expect(await ruleOf(approveHostPath(project(join(home, 'project')), fenced))).toBe('workspace.private-folder');
  });

  it('refuses what is missing and creates nothing', async () => {
    expect(await ruleOf(approveHostPath(project(join(home, 'new')), context))).toBe('workspace.missing');
    await expect(lstat(join(home, 'new'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it.each(['project', '', '~/project', '/a\0b', '/a\nb', `/${'x/'.repeat(3000)}`])(
    'refuses the form of %j',
    async (path) => {
      expect(await ruleOf(approveHostPath(project(path), context))).toBe('workspace.form');
    },
  );

  it('refuses another owner, and lets a file in only read-only and for an MCP server', async () => {
    const other = { ...context, uid: context.uid + 1 };
    expect(await ruleOf(approveHostPath(project(join(home, 'project')), other))).toBe('workspace.owner');
    const file = join(home, 'tool.js');
    expect(await ruleOf(approveHostPath(project(file), context))).toBe('workspace.kind');
    const mcp = { hostPath: file, readOnly: true, purpose: 'mcp' as const };
    expect((await approveHostPath(mcp, context)).kind).toBe('file');
    expect(await ruleOf(approveHostPath({ ...mcp, readOnly: false }, context))).toBe('workspace.kind');
  });

  it('is not held up by a FIFO', async () => {
    execFileSync('mkfifo', [join(home, 'pipe')]);
    const mcp = { hostPath: join(home, 'pipe'), readOnly: true, purpose: 'mcp' as const };
    expect(await ruleOf(approveHostPath(mcp, context))).toBe('workspace.kind');
  });

  it('never shows programs writable', async () => {
    const programs = { hostPath: join(home, 'project'), readOnly: false, purpose: 'host-image' as const };
    expect(await ruleOf(approveHostPath(programs, context))).toBe('workspace.kind');
  });

  it('notices a link that has appeared in a resolved path', async () => {
    await symlink(join(home, 'project'), join(home, 'swapped'));
    expect(await ruleOf(walkDown(join(home, 'swapped', 'sub')))).toBe('workspace.changed');
    expect(await ruleOf(walkDown(join(home, 'swapped')))).toBe('workspace.changed');
  });
});

describe('a folder with mounts inside', () => {
  beforeEach(async () => {
    const lines = ['1 0 8:1 / / rw - ext4 /dev/a rw', `2 1 0:9 / ${home}/project/sub rw - tmpfs t rw`];
    await writeFile(context.mountinfoPath ?? '', `${lines.join('\n')}\n`);
  });

  it('lists each for a bind of its own when read-only, and is refused when writable', async () => {
    const approved = await approveHostPath(project(join(home, 'project')), context);
    expect(approved.submounts.map((submount) => submount.source)).toEqual([join(home, 'project', 'sub')]);
    expect(await ruleOf(approveHostPath(project(join(home, 'project'), false), context))).toBe('workspace.submount');
  });

  it('is refused when the mount table can not be read whole', async () => {
    await writeFile(context.mountinfoPath ?? '', 'garbage\n');
    expect(await ruleOf(approveHostPath(project(join(home, 'project')), context))).toBe('workspace.submount');
  });
});

describe("the server's working directory", () => {
  it.each(['/', '/usr', '/tmp'])('is no project when it is %s', async (cwd) => {
    expect(await approveWorkingDirectory(cwd, true, context)).toBeInstanceOf(PolicyDenied);
  });

  it('is one when it passes the same checks', async () => {
    expect(await approveWorkingDirectory(join(home, 'project'), false, context)).toMatchObject({ readOnly: false });
    expect(await approveWorkingDirectory(home, false, context)).toMatchObject({ ruleId: 'workspace.home' });
  });
});
