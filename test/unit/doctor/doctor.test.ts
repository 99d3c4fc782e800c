import { describe, expect, it } from 'vitest';
import { PaddockError } from '../../../src/core/errors.js';
import type { ControlEvidence } from '../../../src/core/evidence.js';
import type { CanaryRun } from '../../../src/doctor/canary.js';
import { canaryCheck } from '../../../src/doctor/checks/canary.js';
import type { DoctorCheck } from '../../../src/doctor/context.js';
import { runChecks } from '../../../src/doctor/doctor.js';
import { systemClock } from '../../../src/kit/clock.js';
import { findings, hostWith } from './support/host.js';

const never = new AbortController().signal;
const check = (id: string, run: DoctorCheck['run']): DoctorCheck => ({ id, title: id, run });
const real = { ctx: { clock: systemClock } };

describe('running checks', () => {
  it('turns what a check throws into unknown with the reason, and goes on', async () => {
    const broken = check('broken', () => Promise.reject(new PaddockError('ENGINE_TIMEOUT', 'no answer')));
    const report = await runChecks(
      [broken, check('fine', () => Promise.resolve({ status: 'pass', evidence: 'ok' }))],
      hostWith(real),
      never,
    );
    expect(report.checks.map((c) => [c.id, c.status])).toEqual([
      ['broken', 'unknown'],
      ['fine', 'pass'],
    ]);
    expect(report.checks[0]?.evidence).toBe('ENGINE_TIMEOUT: no answer');
    expect(report.checks[0]?.remedy).toBeDefined();
    expect(report.exitCode).toBe(2);
  });

  it('gives up on a check that does not answer, and tells it', async () => {
    let heard: AbortSignal | undefined;
    const hangs = check('hangs', (_ctx, signal) => {
      heard = signal;
      return new Promise(() => undefined);
    });
    const report = await runChecks([{ ...hangs, timeoutMs: 20 }], hostWith(real), never);
    expect(report.checks).toMatchObject([{ id: 'hangs', status: 'unknown', evidence: 'no answer within 0.02 s' }]);
    expect(heard?.aborted).toBe(true);
  });

  it('ends with INTERRUPTED when the caller gives up', async () => {
    const stop = new AbortController();
    const hangs = check('hangs', () => {
      stop.abort();
      return new Promise(() => undefined);
    });
    await expect(runChecks([hangs], hostWith(real), stop.signal)).rejects.toMatchObject({ code: 'INTERRUPTED' });
  });

  it('escapes what an engine says', async () => {
    const sly = check('sly', () => Promise.resolve({ status: 'warn', evidence: '\u001b[2Jall well', remedy: 'x' }));
    const report = await runChecks([sly], hostWith(real), never);
    expect(report.checks[0]?.evidence).toBe('\\u{1b}[2Jall well');
  });

  it('starts the last check when all others have ended', async () => {
    const order: string[] = [];
    const slow = check('slow', async () => {
      await systemClock.sleep(20);
      order.push('slow');
      return [];
    });
    const last = check('last', () => {
      order.push('last');
      return Promise.resolve([]);
    });
    await runChecks([slow, last], hostWith(real), never);
    expect(order).toEqual(['slow', 'last']);
  });
});

describe('the canary', () => {
  const status =
    'CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nCapBnd:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n';
  const run = (text: string, ...controls: ControlEvidence[]): CanaryRun => ({
    evidence: { controls, readAtMs: 1 },
    ...{ createMs: 200, commandCgroups: 'in use' },
    result: {
      ...{ exitCode: 0, reason: 'exited', usage: { durationMs: 1 }, strays: 0 },
      stdout: { text, totalBytes: text.length, droppedBytes: 0 },
      stderr: { text: '', totalBytes: 0, droppedBytes: 0 },
    },
  });
  const of = (result: CanaryRun) => findings(canaryCheck, { ctx: { canary: () => Promise.resolve(result) } });
  const control = (id: ControlEvidence['id'], how: ControlEvidence['status']): ControlEvidence => ({
    ...{ id, asked: 'a', engine: 'e', kernel: 'k', status: how },
  });

  it('gives one line per control, and its own', async () => {
    const found = await of(
      run(status, control('seccomp', 'enforced'), control('memory', 'absent'), control('mounts', 'absent')),
    );
    expect(found.map((f) => [f.part, f.status])).toEqual([
      [undefined, 'pass'],
      ['seccomp', 'pass'],
      ['memory', 'warn'],
      ['mounts', 'fail'],
      ['command-cgroups', 'pass'],
    ]);
    expect(found[2]?.remedy).toContain('cgroups');
    expect(found[3]?.remedy).toBeDefined();
  });

  const module = (id: 'apparmor' | 'selinux', kernel: string): ControlEvidence => ({
    ...{ id, asked: 'a', engine: 'e', kernel, status: 'absent', note: 'So it is.' },
  });

  it.each([
    ['AppArmor instead of SELinux', module('selinux', '-'), module('apparmor', 'crun (unconfined)')],
    ['SELinux instead of AppArmor', module('apparmor', 'not in use'), module('selinux', 'system_u:system_r:spc_t:s0')],
  ])('takes %s for granted, and judges the one that is there', async (_, missing, there) => {
    const [, first, second] = await of(run(status, missing, there));
    expect([first?.status, first?.evidence]).toEqual(['pass', expect.stringMatching(/this host has \w+ instead$/)]);
    expect([second?.status, second?.remedy]).toEqual(['warn', 'So it is.']);
  });

  it('points to the check `lsm` where the host has neither module', async () => {
    const found = await of(run(status, module('apparmor', 'not in use'), module('selinux', '-')));
    expect(found.slice(1, -1).map((f) => [f.status, f.remedy?.includes('`lsm`')])).toEqual([
      ['warn', true],
      ['warn', true],
    ]);
  });

  const held = [control('memory', 'enforced'), control('pids', 'enforced')];
  it.each([
    ['the engine is Docker', held, { identity: { kind: 'docker' as const } }, /^Use rootless Podman/],
    [
      'commands go through the engine',
      held,
      { ctx: { commands: { ...hostWith().commands, path: 'exec' as const } } },
      /channel/,
    ],
    ['systemd delegates too little', [control('memory', 'absent'), control('pids', 'enforced')], {}, /Delegate=cpu/],
    [
      'there is no systemd',
      [control('memory', 'enforced'), control('pids', 'absent')],
      { files: { '/run/systemd/system': undefined } },
      /cgroup.subtree_control/,
    ],
    ['it could not be divided', held, {}, /crun .*subids/],
  ])('says why commands have no cgroups of their own, and what to do: %s', async (_, controls, illness, remedy) => {
    const result = { ...run(status, ...controls), commandCgroups: 'so it is' };
    const ctx = { ...('ctx' in illness ? illness.ctx : {}), canary: () => Promise.resolve(result) };
    const found = (await findings(canaryCheck, { ...illness, ctx })).find((each) => each.part === 'command-cgroups');
    expect(found).toMatchObject({ status: 'warn', evidence: expect.stringContaining('none: so it is;') });
    expect(found?.remedy).toMatch(remedy);
  });

  it('fails when the inside disagrees with the host', async () => {
    const [own] = await of(run(status.replace('NoNewPrivs:\t1', 'NoNewPrivs:\t0')));
    expect(own).toMatchObject({ status: 'fail', evidence: 'seen from inside: NoNewPrivs 0' });
  });

  it.each([
    ['SANDBOX_UNVERIFIED', 'fail'],
    ['LIMIT_REACHED', 'unknown'],
  ] as const)('reports why it could not be made: %s', async (code, how) => {
    const error = new PaddockError(code, 'so it is');
    const [own] = await findings(canaryCheck, { ctx: { canary: () => Promise.reject(error) } });
    expect(own).toMatchObject({ status: how, evidence: `${code}: so it is` });
    expect(own?.remedy).toBeDefined();
  });
});
