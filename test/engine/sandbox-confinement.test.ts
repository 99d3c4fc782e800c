import { lstat, readFile, symlink, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Session } from '../../src/session/session.js';
import { engineKinds } from './support/engines.js';
import { refused, run, Stage, said } from './support/stage.js';

const mib = 1024 ** 2;
const uid = process.getuid?.() ?? 0;

describe.each(engineKinds)('inside a sandbox of a real rootless %s', (kind) => {
  let stage: Stage;
  let session: Session;
  let project: string;

  beforeAll(async () => {
    stage = await Stage.open(kind);
    project = await stage.project();
    session = await stage.create({
      ...{ projectPath: project, workspace: 'ro' },
      dockerOpts: { ShmSize: 2 * mib, Tmpfs: { '/tmp': 'size=4m', '/scratch': 'size=1m', '/home/agent': 'size=3m' } },
    });
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  it('a read-only project stays as it is, whatever is tried', async () => {
    expect(await said(session, 'pwd; cat hello.txt')).toBe('/workspace\nhello');
    for (const line of ['echo x >hello.txt', ': >new', 'rm hello.txt', 'mkdir d', 'chmod 777 hello.txt', 'touch .']) {
      expect(await refused(session, line)).toMatch(/read-only file system/i);
    }
    expect(await readFile(join(project, 'hello.txt'), 'utf8')).toBe('hello\n');
    expect(await refused(session, 'mount -o remount,rw /workspace')).toMatch(/denied|permitted|root|superuser/i);
  });

  it('a project is writable when asked, and what is made in it belongs to the caller', async () => {
    const writable = await stage.project();
    const second = await stage.create({ projectPath: writable, workspace: 'rw' });
    await said(second, 'echo more >>hello.txt; mkdir -p a/b; echo x >a/b/c; ln -s c a/b/l; chmod +x a/b/c');
    for (const name of ['hello.txt', 'a', 'a/b/c', 'a/b/l']) {
      const stat = await lstat(join(writable, name));
      expect([name, stat.uid, stat.gid]).toEqual([name, uid, process.getgid?.()]);
    }
    expect(await readFile(join(writable, 'hello.txt'), 'utf8')).toBe('hello\nmore\n');
    await writeFile(join(writable, 'from-host'), 'seen\n');
    expect(await said(second, 'cat from-host; stat -c %u from-host; id -u')).toMatch(/^seen\n(\d+)\n\1$/);
    await stage.sessions.destroy(second.id);
    expect(await readFile(join(writable, 'a/b/c'), 'utf8')).toBe('x\n');
  });

  it('two sessions never write one folder, nor one a folder of the other', async () => {
    const writable = await stage.project();
    const second = await stage.create({ projectPath: writable, workspace: 'rw' });
    const again = stage.create({ projectPath: writable, workspace: 'rw' });
    await expect(again).rejects.toMatchObject({ code: 'POLICY_DENIED', ruleId: 'workspace.overlap' });
    const reader = await stage.create({ projectPath: writable, workspace: 'ro' });
    await said(second, 'echo one >shared');
    expect(await said(reader, 'cat shared')).toBe('one');
    for (const one of [second, reader]) await stage.sessions.destroy(one.id);
  });

  it('a link to outside in a project leads nowhere on the host', async () => {
    await symlink('/etc/shadow', join(project, 'shadow'));
    await symlink(stage.folder, join(project, 'out'));
    expect(await refused(session, 'cat shadow')).toMatch(/no such file/i);
    expect(await refused(session, 'ls out/state')).toMatch(/no such file/i);
  });

  it('the root and everything of the host in it is read-only', async () => {
    for (const path of ['/', '/etc', '/usr', '/usr/bin', '/usr/local', '/var', '/home', '/.paddock', '/opt', '/sys']) {
      const tried = await run(session, `[ -e ${path} ] || exit 9; : >${path}/probe`);
      expect([path, tried.exitCode]).not.toEqual([path, 0]);
      if (tried.exitCode !== 9) expect(tried.stderr.text).toMatch(/read-only file system|permission denied/i);
    }
    expect(await refused(session, 'rm /usr/bin/true')).toMatch(/read-only|permission denied/i);
  });

  it('only what was said to be writable is, and has the size it was said to have', async () => {
    const sizes = { '/tmp': 4, '/scratch': 1, '/home/agent': 3, '/dev/shm': 2, '/run': 16 };
    for (const [path, size] of Object.entries(sizes)) {
      const words = await refused(session, `dd if=/dev/zero of=${path}/fill bs=64k count=800`);
      expect(words).toMatch(/no space left/i);
      const bytes = Number(await said(session, `stat -c %s ${path}/fill; rm ${path}/fill`));
      expect([path, bytes <= size * mib, bytes > (size * mib) / 2]).toEqual([path, true, true]);
    }
    const list =
      "awk '$6 ~ /(^|,)rw(,|$)/ && $0 !~ / - (proc|cgroup2|mqueue|devpts|sysfs) / {print $5}' /proc/self/mountinfo";
    const writable = (await said(session, `${list} | sort -u`)).split('\n');
    const known = [...Object.keys(sizes), '/var/tmp', '/dev', '/dev/null', '/dev/zero', '/dev/full', '/dev/tty'];
    const hidden = ['/dev/random', '/dev/urandom', '/dev/mqueue', '/dev/pts'];
    const other = writable.filter((path) => ![...known, ...hidden].includes(path) && !/^\/(proc|sys)\//.test(path));
    expect(other).toEqual([]);
  });

  it('programs may be run from /tmp and home, not from /run and a scratch folder of one’s own', async () => {
    const copy = (path: string) => `cp /usr/bin/true ${path}/t && ${path}/t; s=$?; rm -f ${path}/t; exit $s`;
    for (const path of ['/tmp', '/home/agent'])
      expect([path, (await run(session, copy(path))).exitCode]).toEqual([path, 0]);
    for (const path of ['/run', '/scratch'])
      expect([path, (await run(session, copy(path))).exitCode]).toEqual([path, 126]);
  });

  it('kernel settings can not be written, and what tells about the host is masked', async () => {
    for (const path of ['/proc/sys/kernel/hostname', '/proc/sys/vm/drop_caches', '/proc/sysrq-trigger']) {
      expect(await refused(session, `echo x >${path}`)).toMatch(/read-only file system|permission denied|nonexistent/i);
    }
    const empty =
      'for p in /proc/kcore /proc/keys /proc/timer_list /proc/interrupts; do [ -s $p ] && cat $p | head -c 1; done; true';
    expect(await said(session, empty)).toBe('');
    expect(await said(session, 'ls -A /sys/firmware /proc/acpi /proc/scsi 2>/dev/null | grep -v : ; true')).toBe('');
  });

  it('there is no network but the loopback, and no way to the host’s', async () => {
    const server = createServer((socket) => socket.end('reached'));
    const port = await listening(server);
    try {
      expect(await said(session, 'tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d " "')).toBe('lo');
      expect(await said(session, 'tail -n +2 /proc/net/route | wc -l')).toBe('0');
      const dial = `bash -c 'exec 3<>/dev/tcp/127.0.0.1/${port} && head -c 7 <&3'`;
      expect(await refused(session, dial)).toMatch(/connection refused|unreachable/i);
      expect(await refused(session, 'getent ahosts paddock-test.invalid')).toBe('');
      // What there is no way to is refused by the kernel; nothing is sent. The address is one for documents (RFC 5737).
      const dialled = await run(session, "bash -c 'exec 3<>/dev/tcp/192.0.2.1/80'");
      expect(dialled.note).toMatch(/addresses: 1, names: 0.*--allow/);
      expect((await run(session, 'exit 3')).note).toBeUndefined();
      // The same from the host, to know that the test could have seen it.
      expect(await text(connect(port, '127.0.0.1'))).toBe('reached');
    } finally {
      server.close();
    }
  });

  it('no abstract socket of the host is seen either', async () => {
    const name = `\0paddock-test-${process.pid}`;
    const server = createServer((socket) => socket.end());
    await new Promise<void>((resolve) => server.listen({ path: name }, resolve));
    try {
      expect(await readFile('/proc/net/unix', 'utf8')).toContain(name.slice(1));
      expect(await said(session, `grep -c paddock-test-${process.pid} /proc/net/unix || true`)).toBe('0');
    } finally {
      server.close();
    }
  });

  it('host processes are not seen: process 1 is ours, and the rest is the command itself', async () => {
    const pids = (await said(session, 'ls -d /proc/[0-9]* | wc -l')).trim();
    expect(Number(pids)).toBeLessThanOrEqual(5);
    expect(await said(session, 'readlink /proc/1/exe || cat /proc/1/comm')).toMatch(/^init-[0-9a-f]{8}$/);
  });
});

/** A folder of ours with a tmpfs at `below` in it, which only root can make (scripts/lab/host-run --submount). */
const submounted = process.env['PADDOCK_TEST_SUBMOUNT'];
const isRequired = process.env['PADDOCK_TEST_REQUIRE']?.includes('submount') === true;
const kindsWithSubmount = submounted !== undefined || isRequired ? engineKinds : [];

describe.each(kindsWithSubmount)('a project with a submount on a real rootless %s', (kind) => {
  const project = submounted ?? '/PADDOCK_TEST_SUBMOUNT is not set';
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.open(kind, { policy: { allowedRoots: [project] } });
    await writeFile(join(project, 'below/hello.txt'), 'from below\n');
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  it('is shown whole and is read-only down to the submount', async () => {
    expect((await lstat(join(project, 'below'))).dev).not.toBe((await lstat(project)).dev);
    const session = await stage.create({ projectPath: project, workspace: 'ro' });
    expect(await said(session, 'cat below/hello.txt')).toBe('from below');
    for (const line of ['echo x >below/hello.txt', ': >below/new', 'mkdir below/d', 'rm below/hello.txt', ': >new']) {
      expect(await refused(session, line)).toMatch(/read-only file system/i);
    }
    for (const line of ['mount -o remount,rw /workspace/below', 'umount /workspace/below']) {
      await refused(session, line);
    }
    expect(await readFile(join(project, 'below/hello.txt'), 'utf8')).toBe('from below\n');
    await stage.sessions.destroy(session.id);
  });

  it('is refused when writing is asked for', async () => {
    const writable = stage.create({ projectPath: project, workspace: 'rw' });
    await expect(writable).rejects.toMatchObject({ code: 'POLICY_DENIED', ruleId: 'workspace.submount' });
    expect(await stage.containers()).toEqual([]);
  });
});

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
