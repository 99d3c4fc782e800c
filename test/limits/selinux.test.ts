import { readFileSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxTypes } from '../../src/confine/selinux.js';
import { processesOf } from '../../src/sandbox/processes.js';
import type { Session } from '../../src/session/session.js';
import { engineKinds } from '../engine/support/engines.js';
import { command, refused, run, Stage, said } from '../engine/support/stage.js';
import { isHere, labelForContainers, need, outsideOf } from './support/selinux.js';

const labelOf = (pid: number) => readFileSync(`/proc/${pid}/attr/current`, 'utf8').replace(/[\0\n]+$/, '');
const ownLabel = /^system_u:system_r:paddock_sandbox\.process:s0:c\d+,c\d+$/;

describe.each(engineKinds)('selinux on a real rootless %s', (kind) => {
  let stage: Stage;
  let session: Session;
  beforeAll(async () => {
    if (!isHere) return;
    stage = await Stage.open(kind, { policy: { require: ['selinux'], seccomp: ['debug', 'nested'] } });
    session = await stage.create({});
  });
  afterAll(async () => {
    if (isHere) await stage[Symbol.asyncDispose]();
  });

  it('is enforced for process 1, which satisfies a site that requires it', (context) => {
    need(context);
    const { controls } = session.sandbox.handle.evidence;
    const row = controls.find(({ id }) => id === 'selinux');
    expect(row).toMatchObject({ status: 'enforced', asked: sandboxTypes.default });
    expect(row?.kernel).toMatch(ownLabel);
  });

  it('holds every process of every command, however it was started, with the categories of this sandbox alone', async (context) => {
    need(context);
    const running = await session.start(command('sleep 60 & setsid sleep 60 & (sleep 60 &) ; echo up; wait'));
    const { namespace, initPid } = session.sandbox.handle;
    await expect.poll(() => processesOf(namespace).length).toBeGreaterThanOrEqual(6);
    const labels = new Set(processesOf(namespace).map(({ pid }) => labelOf(pid)));
    expect(labels).toEqual(new Set([labelOf(initPid)]));
    expect(labelOf(initPid)).toMatch(ownLabel);
    await running.command.end('aborted');
    await running.settled;
  });

  it.for(['current', 'exec', 'fscreate', 'keycreate', 'sockcreate'])(
    'can’t be left by way of /proc/self/attr/%s',
    async (file, context) => {
      need(context);
      const { initPid } = session.sandbox.handle;
      const others = ['unconfined_u:unconfined_r:unconfined_t:s0', 'system_u:system_r:container_t:s0'];
      const wider = labelOf(initPid).replace(/:c\d+,c\d+$/, '');
      // By one process of its own, which no other has to be the same as.
      const lines = [...others, wider].map((label) => `printf %s ${label} >/proc/self/attr/${file} && echo written`);
      const result = await run(session, `${lines.join('; ')}; cat /proc/self/attr/current`);
      expect(result.stdout.text.replace(/[\0\n]+$/, '')).toBe(labelOf(initPid));
    },
  );

  it('shows nothing of the policy inside, and lets nobody give a file another label', async (context) => {
    need(context);
    expect(await said(session, 'ls -A /sys/fs/selinux')).toBe('');
    expect(await refused(session, 'echo 0 >/sys/fs/selinux/enforce')).toMatch(/read-only|denied/i);
    expect(await refused(session, 'echo x >/tmp/x; chcon -t bin_t /tmp/x')).toMatch(/denied|not supported/i);
  });

  it('lets a session live its whole life: commands, projects, an update, its end', async (context) => {
    need(context);
    const writable = await stage.project();
    await expect(stage.create({ projectPath: writable, workspace: 'rw' })).rejects.toMatchObject({
      ruleId: 'workspace.label',
    });
    labelForContainers(writable);
    const worker = await stage.create({ projectPath: writable, workspace: 'rw', memory: '256m' });
    await said(
      worker,
      'echo more >>hello.txt; mkdir -p a/b; ln -s ../hello.txt a/l; mkfifo a/f; chmod +x hello.txt; flock a true',
    );
    expect(await readFile(join(writable, 'hello.txt'), 'utf8')).toBe('hello\nmore\n');
    writeFileSync(join(writable, 'from-host'), 'seen\n');
    expect(await said(worker, 'cat from-host a/l')).toBe('seen\nhello\nmore');
    const { controls } = await stage.sessions.update(worker.id, { memory: '384m' });
    expect(controls).toMatchObject([{ id: 'memory', status: 'enforced', kernel: '384 MiB' }, { id: 'swap' }]);
    expect(labelOf(worker.sandbox.handle.initPid)).not.toBe(labelOf(session.sandbox.handle.initPid));
    await stage.sessions.destroy(worker.id);
  });

  it('shows a project of the user’s read-only without giving it another label', async (context) => {
    need(context);
    const project = await stage.project();
    const labels = () => outsideOf('ls', '-ZdR', project, join(project, 'hello.txt'));
    const before = labels();
    expect(before).not.toContain('container_file_t');
    const reader = await stage.create({ projectPath: project, workspace: 'ro' });
    expect(await said(reader, 'cat hello.txt')).toBe('hello');
    expect(await refused(reader, 'echo x >hello.txt')).toMatch(/read-only/i);
    await stage.sessions.destroy(reader.id);
    expect(labels()).toBe(before);
  });

  it('lets programs do their work: threads, compiled code, Unix sockets, memory of their own', async (context) => {
    need(context);
    const program = `
      const { createServer, connect } = require('node:net');
      const { Worker } = require('node:worker_threads');
      const { networkInterfaces } = require('node:os');
      new Worker('require("node:worker_threads").parentPort.postMessage(1)', { eval: true }).on('message', () => {
        let sum = 0;
        for (let i = 0; i < 1e6; i++) sum += i % 7;
        const server = createServer((socket) => socket.end(String(sum))).listen('/tmp/socket', () => {
          connect('/tmp/socket').on('data', (data) => {
            console.log(String(data), Object.keys(networkInterfaces()).join());
            process.exit();
          });
        });
      });`;
    expect(await said(session, `node -e '${program.replaceAll("'", `'\\''`)}'`)).toBe('2999997 lo');
    expect(
      await said(session, 'cp /usr/bin/true /tmp/own && /tmp/own && mkfifo /tmp/fifo && ls /tmp/own /tmp/fifo | xargs'),
    ).toBe('/tmp/fifo /tmp/own');
  });

  const listening = `
    const { createServer } = require('node:net');
    const { createSocket } = require('node:dgram');
    const end = (word) => { console.log(word); process.exit(); };
    if (process.argv[1] === 'tcp') createServer().on('error', (error) => end(error.code)).listen(0, '127.0.0.1', () => end('ok'));
    else createSocket('udp4').on('error', (error) => end(error.code)).bind(0, '127.0.0.1', () => end('ok'));`;

  it.for(['tcp', 'udp'])(
    'denies %s, which the system call filter allows, on the sandbox’s own loopback too',
    async (family, context) => {
      need(context);
      expect(outsideOf('node', '-e', listening, family)).toBe('ok');
      const result = await run(session, ['node', '-e', listening, family]);
      expect(result.stdout.text + result.stderr.text).toMatch(/^(EACCES|EPERM)/);
    },
  );

  it.for(['debug', 'nested'] as const)('gives the filter %s the type that belongs to it', async (seccomp, context) => {
    need(context);
    const one = await stage.create({ seccomp });
    expect(labelOf(one.sandbox.handle.initPid)).toContain(`:${sandboxTypes[seccomp]}:`);
    if (seccomp === 'nested')
      expect(await said(one, 'unshare -rm sh -c "mount -t tmpfs x /mnt && echo y >/mnt/y && cat /mnt/y"')).toBe('y');
    await stage.sessions.destroy(one.id);
  });
});
