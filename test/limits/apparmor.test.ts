import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { isAppArmorOn, loadedProfile, sandboxProfile } from '../../src/confine/apparmor.js';
import { AppArmorInstall } from '../../src/confine/apparmor-install.js';
import { AppArmorRecords } from '../../src/confine/apparmor-record.js';
import { readProcFile } from '../../src/kit/proc/read.js';
import { processesOf } from '../../src/sandbox/processes.js';
import type { Session } from '../../src/session/session.js';
import { engineKinds } from '../engine/support/engines.js';
import { command, run, Stage, said } from '../engine/support/stage.js';

/** Where root has installed the profile (scripts/test-vm), nothing here may be skipped. */
const isRequired = process.env['PADDOCK_TEST_REQUIRE']?.split(',').includes('apparmor') === true;
const confined = `${sandboxProfile} (enforce)`;
/** With the kernel's hash, which root recorded when it loaded the profile, and loaded it once more since, as a boot does (scripts/test-vm). */
const loaded = expect.stringMatching(/^paddock-sandbox \(enforce\), [0-9a-f]{8} as shipped$/);

function need({ skip }: TestContext): void {
  const mode = isAppArmorOn() ? loadedProfile(sandboxProfile)?.mode : undefined;
  if (isRequired) expect(mode).toBe('enforce');
  else skip(mode !== 'enforce', 'the AppArmor profile is not loaded here');
}

const ways = engineKinds.flatMap((kind) => (['fifo', 'attach'] as const).map((path) => [kind, path] as const));

describe.each(ways)('apparmor on a real rootless %s, over %s', (kind, commandPath) => {
  let stage: Stage;
  let session: Session;
  beforeAll(async () => {
    stage = await Stage.open(kind, { commandPath });
    session = await stage.create({});
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  it('is enforced for process 1, and satisfies a site that requires it', async (context) => {
    need(context);
    const { controls } = session.sandbox.handle.evidence;
    expect(controls.find(({ id }) => id === 'apparmor')).toMatchObject({ status: 'enforced', kernel: loaded });
    await using strict = await Stage.open(kind, { commandPath, policy: { require: ['apparmor'] } });
    expect(await said(await strict.create({}), 'echo runs')).toBe('runs');
  });

  it('holds every process of every command, however it was started, as seen from outside', async (context) => {
    need(context);
    const running = await session.start(command('sleep 60 & setsid sleep 60 & (sleep 60 &) ; echo up; wait'));
    await expect.poll(() => processesOf(session.sandbox.handle.namespace).length).toBeGreaterThanOrEqual(6);
    // A shell that has only started another may have gone since it was listed.
    const labels = processesOf(session.sandbox.handle.namespace).flatMap(
      ({ pid }) => readProcFile(`/proc/${pid}/attr/apparmor/current`)?.trim() ?? [],
    );
    expect(labels.length).toBeGreaterThanOrEqual(4);
    expect(new Set(labels)).toEqual(new Set([confined]));
    await running.command.end('aborted');
    await running.settled;
  });

  it.for(['self', 'thread-self', 'self/task/$$'])(
    'denies what nothing else does: to write to /proc/%s/mem',
    async (of, context) => {
      need(context);
      const line = `exec 3>/proc/${of}/mem && echo opened`;
      // The kernel's own rules allow it: so it is the profile that does not.
      expect(spawnSync('sh', ['-c', line], { encoding: 'utf8' }).stdout).toBe('opened\n');
      const result = await run(session, line);
      expect(result.stderr.text).toContain('Permission denied');
      expect(result.stdout.text).toBe('');
    },
  );

  it.each([
    ['a change to another', 'changeprofile unconfined', 'current'],
    ['a change to another of the host', 'changeprofile crun', 'current'],
    ['another for the next program', 'exec unconfined', 'exec'],
    ['a stack', `stack unconfined`, 'current'],
  ])('can’t be left by %s', async (_, what, file) => {
    const line = `cat /proc/self/attr/apparmor/current; echo '${what}' >/proc/self/attr/apparmor/${file} && echo written`;
    const result = await run(session, `${line}; cat /proc/self/attr/apparmor/current`);
    expect(result.stdout.text).not.toContain('written');
    if (isRequired) expect(result.stdout.text).toBe(`${confined}\n${confined}\n`);
  });

  it('lets programs do their work: threads, sockets on its own loopback, pipes, locks and terminals', async (context) => {
    need(context);
    const program = `
      const { createServer, get } = require('node:http');
      const { Worker } = require('node:worker_threads');
      const { networkInterfaces } = require('node:os');
      const { execFileSync } = require('node:child_process');
      new Worker('require("node:worker_threads").parentPort.postMessage(1)', { eval: true }).on('message', () => {
        const server = createServer((_, answer) => answer.end('hello')).listen(0, '127.0.0.1', () => {
          get({ port: server.address().port }, (answer) => answer.on('data', (data) => {
            console.log(String(data), Object.keys(networkInterfaces()).join(), String(execFileSync('echo', ['child'])).trim());
            server.close();
          }).on('end', () => process.exit()));
        });
      });`;
    expect(await said(session, `node -e '${program.replaceAll("'", `'\\''`)}'`)).toBe('hello lo child');
    expect(await said(session, 'flock /tmp/lock ln -s a /tmp/link && mkfifo /tmp/fifo && ls /tmp | sort | xargs')).toBe(
      'fifo link lock',
    );
  });
});

describe.each(engineKinds)(
  'apparmor on a real rootless %s, whose kernel has another profile loaded than was recorded',
  (kind) => {
    let folder: string;
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'paddock-records-'));
    });
    afterAll(() => rmSync(folder, { recursive: true }));

    it.for([
      ['changed', '0'.repeat(64)],
      ['outdated', undefined],
    ] as const)('is shown as %s, and refused where a site requires it', async ([is, recorded], context) => {
      need(context);
      // In place of root's word: that of this user.
      const trustedUid = process.getuid?.() ?? 0;
      const apparmor = new AppArmorRecords({
        ...{ shipped: 'profiles/apparmor', folder: join(folder, is, 'apparmor'), trustedUid },
      });
      const present = loadedProfile(sandboxProfile);
      const hash = recorded === undefined ? present?.hash : ({ algorithm: 'sha256', value: recorded } as const);
      const what = { mode: 'enforce', ...(hash === undefined ? {} : { hash }) };
      await apparmor.write(sandboxProfile, 'profile of another version {}', what);
      await using stage = await Stage.open(kind, { apparmor });
      const { controls } = (await stage.create({})).sandbox.handle.evidence;
      expect(controls.find(({ id }) => id === 'apparmor')).toMatchObject({
        status: 'degraded',
        kernel: expect.stringMatching(new RegExp(`^paddock-sandbox \\(enforce\\), [0-9a-f]{8} ${is}$`)),
        note: expect.stringContaining('sudo paddock profiles install apparmor'),
      });
      await using strict = await Stage.open(kind, { apparmor, policy: { require: ['host-lsm'] } });
      await expect(strict.create({})).rejects.toMatchObject({
        code: 'CONTROL_NOT_ENFORCED',
        message: expect.stringContaining('Not as shipped'),
      });
    });

    it('says to doctor and to profiles check the same as to a session: as shipped', async (context) => {
      need(context);
      const install = new AppArmorInstall({ profile: sandboxProfile, shipped: 'profiles/apparmor/paddock-sandbox' });
      expect(await install.state()).toMatchObject({ mode: 'enforce', file: 'current', loaded: { is: 'shipped' } });
    });
  },
);

describe.each(engineKinds)('apparmor on a real rootless %s, without process 1', (kind) => {
  it('is absent where commands go through the engine, and refused where a site requires it', async (context) => {
    need(context);
    await using stage = await Stage.open(kind, { commandPath: 'exec', policy: { require: ['apparmor'] } });
    await expect(stage.create({})).rejects.toMatchObject({
      code: 'CONTROL_NOT_ENFORCED',
      message: expect.stringContaining('apparmor'),
    });
  });
});
