import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppArmorInstall } from '../../src/confine/apparmor-install.js';
import { SelinuxInstall } from '../../src/confine/selinux-install.js';
import { labels } from '../../src/core/labels.js';
import { runCanary } from '../../src/doctor/canary.js';
import { sorted } from '../../src/doctor/checklist/checklist.js';
import type { DoctorContext } from '../../src/doctor/context.js';
import { runDoctor } from '../../src/doctor/doctor.js';
import { hostFiles } from '../../src/doctor/host-files.js';
import { HostLoadReader } from '../../src/doctor/host-load.js';
import { type CheckReport, reportText } from '../../src/doctor/report.js';
import { systemClock } from '../../src/kit/clock.js';
import { isAlive } from '../../src/kit/process-identity.js';
import { newSessionId } from '../../src/kit/random-id.js';
import { floor } from '../../src/sandbox/first-process.js';
import { pruneSessions } from '../../src/session/prune.js';
import { engineKinds } from './support/engines.js';
import { builtInit, Stage } from './support/stage.js';

describe.each(engineKinds)('the doctor on rootless %s', (kind) => {
  let stage: Stage;
  let report: CheckReport;

  beforeAll(async () => {
    stage = await Stage.open(kind);
    report = await runDoctor(contextOf(stage), AbortSignal.timeout(90_000));
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  const status = (id: string) => report.checks.find((check) => check.id === id)?.status;

  it('finds the engine, rootless, and can decide every check', () => {
    expect([status('engine'), status('rootless'), status('seccomp'), status('init')]).toEqual(Array(4).fill('pass'));
    expect(report.checks.filter((check) => check.status === 'unknown')).toEqual([]);
  });

  it('proves in a canary sandbox that the kernel enforces every control of the floor', () => {
    expect(status('canary'), reportText(report)).toBe('pass');
    for (const control of floor) expect([control, status(`canary.${control}`)]).toEqual([control, 'pass']);
  });

  it('gives a remedy for everything that is not well', () => {
    for (const check of report.checks) {
      expect([check.id, check.remedy === undefined]).toEqual([check.id, check.status === 'pass']);
    }
  });

  it('has seen what every row of the benchmark asks for, but for scans, which only the checklist looks at', () => {
    const unseen = sorted(report.checks).rows.filter((row) => row.status === 'unknown');
    expect(unseen.map(({ row }) => row)).toEqual(['4.4']);
  });

  it('leaves neither container nor record behind', async () => {
    expect((await stage.store.list()).records).toEqual([]);
    const ours = await stage.engine.listContainers([labels.session]);
    expect(ours.filter((one) => one.names[0]?.includes('canary'))).toEqual([]);
  });
});

function contextOf(stage: Stage): DoctorContext {
  const { engine, store, audit, policy: sitePolicy, stateDir, sessions } = stage;
  const { username: name, uid, gid } = userInfo();
  const runtimeDir = process.env['XDG_RUNTIME_DIR'] ?? `/run/user/${uid}`;
  const load = new HostLoadReader(systemClock);
  const stateOf = async (profile: string) => {
    const apparmor = new AppArmorInstall({ profile, shipped: `profiles/apparmor/${profile}` });
    return { ...(await apparmor.state()), installed: apparmor.installed, installCommand: 'true' };
  };
  const stale = (signal: AbortSignal) =>
    pruneSessions({
      ...{ store, engine, audit, clock: systemClock, isAlive, signal, runtimeDir },
      ...{ bootId: stage.self.bootId, isDryRun: true, pendingWaitMs: 0 },
    });
  return {
    ...{ engine, sitePolicy, user: { name, uid, gid }, files: hostFiles, clock: systemClock },
    commands: {
      path: stage.maker.commandPath,
      folder: store.channelsFolder,
      socketPath: store.controlPath(newSessionId()),
    },
    paths: {
      ...{ stateDir, runtimeDir, auditLog: audit.path, init: builtInit, settings: [] },
      home: stage.folder,
      installation: join(import.meta.dirname, '../..'),
    },
    overlay: () => Promise.resolve({ way: 'auto', can: 'yes', why: '' }),
    stale,
    canary: (signal) => runCanary(sessions, signal),
    load: () => load.read(),
    apparmor: () => stateOf('paddock-sandbox'),
    nestedAppArmor: () => stateOf('paddock-sandbox-nested'),
    scanners: () => Promise.resolve([]),
    lastScans: () => Promise.resolve([]),
    selinux: () => new SelinuxInstall({ shipped: 'profiles/selinux/paddock.cil' }).state(),
  };
}
