import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { boottimeMs, builtInit, builtSupport, Running } from './support/compiled.js';

const compiled = { init: builtInit(), orphans: builtSupport('test/native/init/support/orphans.c') };
const inAnHour = () => String(boottimeMs() + 3_600_000);
const waiting = { timeout: 9_000, interval: 10 };

describe('paddock-init', () => {
  it('ends with 124 at its deadline and not before', async () => {
    const deadlineMs = boottimeMs() + 400;
    using init = new Running(compiled.init, ['--deadline-boottime-ms', String(deadlineMs)]);
    expect(await init.ended).toMatchObject({ code: 124, stderr: '' });
    expect(boottimeMs()).toBeGreaterThanOrEqual(deadlineMs - 10);
  });

  it('ends at once when its deadline has passed', async () => {
    using init = new Running(compiled.init, ['--deadline-boottime-ms', '1']);
    expect(await init.ended).toMatchObject({ code: 124 });
  });

  it('keeps its deadline through a stop and a continue', async () => {
    using init = new Running(compiled.init, ['--deadline-boottime-ms', String(boottimeMs() + 300)]);
    init.kill('SIGSTOP');
    await vi.waitFor(() => expect(readFileSync(`/proc/${init.pid}/stat`, 'utf8')).toMatch(/\) T /), waiting);
    init.kill('SIGCONT');
    expect(await init.ended).toMatchObject({ code: 124 });
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('ends with 0 on %s', async (signal) => {
    using init = new Running(compiled.init, ['--deadline-boottime-ms', inAnHour()]);
    await vi.waitFor(() => expect(init.blockedSignals()).not.toBe(0n), waiting);
    init.kill(signal);
    expect(await init.ended).toMatchObject({ code: 0, signal: null, stdout: '', stderr: '' });
  });

  it('reaps every child that is reparented to it and goes on', async () => {
    using init = new Running(compiled.orphans, ['600', compiled.init, '--deadline-boottime-ms', inAnHour()]);
    await vi.waitFor(() => expect(init.children()).toHaveLength(600), waiting);
    await vi.waitFor(() => expect(init.blockedSignals()).not.toBe(0n), waiting);
    init.endStdin();
    await vi.waitFor(() => expect(init.children()).toEqual([]), waiting);
    init.kill('SIGTERM');
    expect(await init.ended).toMatchObject({ code: 0 });
  });

  it('says its version', async () => {
    using init = new Running(compiled.init, ['--version']);
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(await init.ended).toMatchObject({ code: 0, stdout: `paddock-init ${version}\n` });
  });

  it('says of each path whether it may be read and written', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'paddock-access-'));
    try {
      writeFileSync(join(folder, 'mine'), '');
      writeFileSync(join(folder, 'sealed'), '', { mode: 0o400 });
      const paths = ['', '/mine', '/missing', '/sealed'].map((name) => `${folder}${name}`);
      const sealed = process.getuid?.() === 0 ? 'rw' : 'r-';
      using init = new Running(compiled.init, ['--access', ...paths]);
      expect(await init.ended).toMatchObject({ code: 0, stdout: `rw\nrw\n--\n${sealed}\n` });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it.each([
    { why: 'no arguments', args: [] },
    { why: 'no deadline', args: ['--deadline-boottime-ms'] },
    { why: 'an unknown option', args: ['--deadline-ms', '5'] },
    { why: 'an equals sign', args: ['--deadline-boottime-ms=5'] },
    { why: 'an extra argument', args: ['--deadline-boottime-ms', '5', 'x'] },
    { why: 'access to nothing', args: ['--access'] },
    { why: 'a profile without a name', args: ['--deadline-boottime-ms', '5', '--apparmor'] },
    { why: 'an empty name', args: ['--deadline-boottime-ms', '5', '--apparmor', ''] },
    { why: 'a name that says more', args: ['--deadline-boottime-ms', '5', '--apparmor', 'a //&unconfined'] },
    { why: 'a name that is too long', args: ['--deadline-boottime-ms', '5', '--apparmor', 'a'.repeat(101)] },
    {
      why: 'a profile behind the channel',
      args: ['--deadline-boottime-ms', '5', '--channel', 'fifo', '--apparmor', 'a'],
    },
    { why: 'a version and more', args: ['--version', '5'] },
    ...['', '0', '007', '-1', '+1', ' 1', '1 ', '1.5', '1e3', '0x10', '9007199254740992', '99999999999999999999'].map(
      (value) => ({ why: `the value ${JSON.stringify(value)}`, args: ['--deadline-boottime-ms', value] }),
    ),
  ])('refuses $why with 2 and a line that says how it is called', async ({ args }) => {
    using init = new Running(compiled.init, args);
    const ended = await init.ended;
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toContain('usage: paddock-init --deadline-boottime-ms N');
  });

  it('runs on where the profile that it is told of is not loaded: whoever asked looks from outside', async () => {
    using init = new Running(compiled.init, [
      '--deadline-boottime-ms',
      inAnHour(),
      '--apparmor',
      'no-such-profile.1_2',
    ]);
    await vi.waitFor(() => expect(init.blockedSignals()).not.toBe(0n), waiting);
    init.kill('SIGTERM');
    expect(await init.ended).toMatchObject({ code: 0, stderr: '' });
  });

  it('takes the greatest deadline that can be named', async () => {
    using init = new Running(compiled.init, ['--deadline-boottime-ms', '9007199254740991']);
    await vi.waitFor(() => expect(init.blockedSignals()).not.toBe(0n), waiting);
    init.kill('SIGTERM');
    expect(await init.ended).toMatchObject({ code: 0 });
  });
});
