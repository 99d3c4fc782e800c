import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { lstat, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Session } from '../../src/session/session.js';
import { engineKinds } from '../engine/support/engines.js';
import { command, refused, run, Stage, said } from '../engine/support/stage.js';
import { build } from './support/built.js';

/**
 * What takes a capability that no sandbox has: closed whatever a seccomp profile lets through, so it is tried under `nested`, too, where
 * user namespaces can be made. What the profiles themselves close is in system-calls.test.ts.
 */
const closed = [
  ...['mount', 'remount-root', 'remount-usr', 'bind', 'mount-proc', 'mount-sysfs', 'unmask', 'umount-usr', 'chroot'],
  ...['pivot-root', 'unshare-mnt', 'unshare-net', 'mknod-mem', 'mknod-disk', 'raw-socket', 'packet-socket'],
  ...['hostname', 'setuid', 'setgroups', 'chown', 'settime', 'reboot', 'swapon', 'module', 'kexec', 'bpf', 'syslog'],
  ...['by-handle', 'setns', 'dev-mem', 'dev-kmsg', 'dev-fuse', 'dev-tun', 'dev-kvm', 'init-memory', 'init-root'],
];

/** What a user namespace of one's own might bring where one can be made: it must bring nothing. */
const closedInOwnUserNamespace = [
  ...['newuser-remount', 'newuser-unmask', 'newuser-umount', 'newuser-proc', 'newuser-mknod', 'newuser-sysctl'],
  'newuser-setns',
];

/** Of those, what the very same program can do on the host when it is given a user namespace to be root in. */
const openOutside = [
  'mount',
  'remount-root',
  'bind',
  'chroot',
  'unshare-mnt',
  'unshare-net',
  'raw-socket',
  'packet-socket',
];

const refusals = /^(EPERM|EACCES|EROFS|ENOENT|ENOSYS|ENXIO|ENODEV|EINVAL|EAFNOSUPPORT)$/;

describe.each(engineKinds)('out of a sandbox of a real rootless %s', (kind) => {
  let stage: Stage;
  let session: Session;
  let nested: Session;
  let project: string;

  beforeAll(async () => {
    stage = await Stage.open(kind, { policy: { seccomp: ['nested'] } });
    project = await stage.project();
    build('probe', join(project, 'probe'));
    session = await stage.create({ projectPath: project, workspace: 'rw' });
    nested = await stage.create({ seccomp: 'nested', mcpMounts: [{ source: project, target: '/data' }] });
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  it.each(openOutside)('(%s is something that the probe can do: outside it does)', (name) => {
    const argv = ['--user', '--map-root-user', '--mount', '--net', '--uts', join(project, 'probe'), name];
    expect(execFileSync('unshare', argv, { encoding: 'utf8' }).trim()).toBe('ok');
  });

  it.each(closed)('%s leads nowhere', async (name) => {
    expect(await said(session, `./probe ${name}`)).toMatch(refusals);
    expect(await said(nested, `/data/probe ${name}`)).toMatch(refusals);
  });

  it.each(closedInOwnUserNamespace)('%s leads nowhere, whether or not a user namespace can be made', async (name) => {
    expect(await said(session, `./probe ${name}`)).toMatch(refusals);
    expect(await said(nested, `/data/probe ${name}`)).toMatch(refusals);
  });

  it('no setting of the kernel can be written: sysctls, sysrq, sysfs, cgroups', async () => {
    const paths = [
      ...['/proc/sys/kernel/core_pattern', '/proc/sys/kernel/modprobe', '/proc/sys/vm/panic_on_oom'],
      ...['/proc/sysrq-trigger', '/proc/irq/default_smp_affinity', '/sys/kernel/uevent_helper', '/sys/power/state'],
      ...['/sys/fs/cgroup/release_agent', '/sys/fs/cgroup/cgroup.procs', '/sys/fs/cgroup/memory.max'],
    ];
    for (const path of paths)
      expect(await refused(session, `echo 1 >${path}`)).toMatch(/read-only|denied|nonexistent|permitted/i);
    expect(await refused(session, 'mkdir /sys/fs/cgroup/mine')).toMatch(/read-only|denied|permitted/i);
    const writable = 'find /sys /proc/sys -type f -writable 2>/dev/null | head -n 5';
    // Writable by mode is not writable: a read-only mount refuses all the same, so every hit is tried.
    const hits = (await said(session, `${writable}; true`)).split('\n').filter((path) => path !== '');
    for (const path of hits)
      expect(await refused(session, `: >>${path}`)).toMatch(/read-only|denied|permitted|invalid/i);
  });

  it('no socket of an engine and none of the host is seen', async () => {
    expect(await said(session, 'find / -type s -not -path "/proc/*" 2>/dev/null; true')).toBe('');
    for (const path of ['/run/user', '/var/run/docker.sock', '/run/podman', '/run/docker.sock', '/run/containerd']) {
      expect([path, (await run(session, `ls ${path}`)).exitCode]).toEqual([path, 2]);
    }
  });

  it('nothing of the host but its programs is seen: no shadow, no homes, no keys, no machine id', async () => {
    const hidden = [
      '/etc/shadow',
      '/etc/gshadow',
      '/etc/ssh',
      '/etc/machine-id',
      '/etc/ssl/private',
      '/boot',
      '/var/log',
    ];
    for (const path of hidden) expect([path, (await run(session, `ls ${path}`)).exitCode]).toEqual([path, 2]);
    // Docker puts an empty one there.
    expect(await said(session, 'ls -A /root 2>/dev/null; true')).toBe('');
    expect(await said(session, 'ls -A /home')).toBe('agent');
    expect(await said(session, 'ls -A /home/agent')).toBe('');
    const users = (await said(session, 'cut -d: -f1,7 /etc/passwd')).split('\n');
    expect(users.length).toBeLessThanOrEqual(4);
    expect(await said(session, 'cat /etc/hostname 2>/dev/null || hostname')).toBe('sandbox');
  });

  it('no open file of the engine or of ours comes in with a command, or can be reached through process 1', async () => {
    const own = (await said(session, 'ls -l /proc/self/fd')).split('\n').filter((line) => line.includes('->'));
    expect(own.filter((line) => !/ [012] -> (pipe:|\/dev\/null)| 3 -> \/proc\//.test(line))).toEqual([]);
    for (const link of ['fd/0', 'root', 'cwd', 'exe', 'ns/mnt']) {
      expect([link, (await run(session, `readlink /proc/1/${link}`)).exitCode]).toEqual([link, 1]);
    }
  });

  it('a command has no terminal to type into', async () => {
    expect(await said(session, 'cut -d" " -f7 /proc/self/stat')).toBe('0');
    expect(await refused(session, 'exec 3<>/dev/tty')).toMatch(/no such device|denied|nonexistent/i);
  });

  it('process 1 can neither be replaced nor changed on its way in', async () => {
    const before = await said(session, 'sha256sum /.paddock/init');
    const attacks = ['echo x >/.paddock/init', 'rm -f /.paddock/init', 'mv /.paddock/init /tmp/i', 'rmdir /.paddock'];
    for (const line of [...attacks, 'ln -sf /usr/bin/true /.paddock/init', 'chmod 777 /.paddock/init']) {
      expect(await refused(session, line)).toMatch(/read-only|busy|denied|permitted/i);
    }
    expect(await said(session, 'sha256sum /.paddock/init')).toBe(before);
    const built = execFileSync('sha256sum', [`dist/init/paddock-init-${process.arch}`], { encoding: 'utf8' }).split(
      ' ',
    )[0];
    expect(before.split(' ')[0]).toBe(built);
  });

  it('process 1 can not be told from inside to outlive its deadline', async () => {
    expect(await said(session, './probe init-memory 1')).toMatch(/^(EPERM|EACCES)$/);
    expect(await said(session, 'kill -9 1; kill -STOP 1; echo sent')).toBe('sent');
    expect(session.sandbox.alive).toBe(true);
  });

  it('a link that is planted in the project is followed inside only, never by us', async () => {
    await said(session, `ln -s /etc/passwd secret; ln -s ${stage.folder} out; ln -s / root; mkdir -p deep/er`);
    // Inside, /etc/passwd is the sandbox's own.
    expect(await said(session, 'cat secret')).toBe(await said(session, 'cat /etc/passwd'));
    expect(await said(session, 'cat secret')).not.toBe(readFileSync('/etc/passwd', 'utf8').trim());
    await expect(session.start(command('pwd', { cwd: '/workspace/out' }))).rejects.toMatchObject({
      code: 'COMMAND_NOT_RUN',
    });
    expect(await said(session, 'pwd -P; ls -A /workspace/root/home', { cwd: '/workspace/root/etc' })).toBe(
      '/etc\nagent',
    );
    const planted = stage.create({ projectPath: join(project, 'out', 'state') });
    await expect(planted).rejects.toMatchObject({ code: 'POLICY_DENIED' });
    const toRoot = stage.create({ projectPath: join(project, 'root', 'etc') });
    await expect(toRoot).rejects.toMatchObject({ code: 'POLICY_DENIED' });
    expect(await readlink(join(project, 'secret'))).toBe('/etc/passwd');
  });

  it('a program made with the set-user-id bit is none for the host or inside', async () => {
    await said(session, 'cp /usr/bin/id suid && chmod 6755 suid');
    const stat = await lstat(join(project, 'suid'));
    expect(stat.uid).toBe(process.getuid?.());
    expect(await said(session, './suid -u')).toBe(await said(session, 'id -u'));
  });

  it('a second sandbox is not seen, nor its processes, files and sockets', async () => {
    const second = await stage.create();
    const marker = `paddock-${process.pid}-secret`;
    const other = await second.start(command(`echo x >/tmp/${marker}; exec sleep 1000`, { env: { MARKER: marker } }));
    await expect.poll(async () => said(second, 'ls /tmp')).toBe(marker);
    expect(await said(session, `ls /tmp /dev/shm | grep -c ${marker} || true`)).toBe('0');
    expect(await said(session, `cat /proc/[0-9]*/environ 2>/dev/null | grep -c ${marker} || true`)).toBe('0');
    const count = (one: Session) => said(one, 'cat /proc/[0-9]*/comm | grep -c "^sleep" || true');
    expect([await count(second), await count(session)]).toEqual(['1', '0']);
    await other.command.end('aborted');
    await stage.sessions.destroy(second.id);
  });
});
