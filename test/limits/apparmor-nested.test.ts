import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isAppArmorOn, loadedProfile, nestedProfile, sandboxProfile } from '../../src/confine/apparmor.js';
import { readProcFile } from '../../src/kit/proc/read.js';
import { processesOf } from '../../src/sandbox/processes.js';
import type { Session } from '../../src/session/session.js';
import { bubblewrap, bubblewrapCalls, expectedFacts, nestedFacts } from '../engine/support/bubblewrap.js';
import { engineKinds } from '../engine/support/engines.js';
import { command, run, Stage } from '../engine/support/stage.js';

/** Where root has installed the profiles (scripts/test-vm), nothing here may be skipped. */
const isRequired = process.env['PADDOCK_TEST_REQUIRE']?.split(',').includes('apparmor') === true;
const mode = isAppArmorOn() ? loadedProfile(nestedProfile)?.mode : undefined;
const confined = `${nestedProfile} (enforce)`;

it.runIf(isRequired)('the AppArmor profile of nested sessions is loaded', () => {
  expect(mode).toBe('enforce');
});

describe.runIf(mode === 'enforce').each(engineKinds.filter((kind) => kind === 'podman'))(
  'under the AppArmor profile of nested sessions, on a real rootless %s',
  (kind) => {
    let stage: Stage;
    let nested: Session;
    beforeAll(async () => {
      stage = await Stage.open(kind, { policy: { seccomp: ['nested'], require: ['apparmor'] } });
      nested = await stage.create({ projectPath: await stage.project(), workspace: 'rw', seccomp: 'nested' });
    });
    afterAll(() => stage[Symbol.asyncDispose]());

    it('is what the evidence names, for these sessions and no other', async () => {
      const shipped = (profile: string): unknown =>
        expect.stringMatching(new RegExp(`^${profile} \\(enforce\\), [0-9a-f]{8} as shipped$`));
      const row = ({ sandbox }: Session) => sandbox.handle.evidence.controls.find(({ id }) => id === 'apparmor');
      expect(row(nested)).toMatchObject({ status: 'enforced', asked: nestedProfile, kernel: shipped(nestedProfile) });
      expect(row(await stage.create())).toMatchObject({ status: 'enforced', kernel: shipped(sandboxProfile) });
    });

    it.each(bubblewrapCalls)('bubblewrap makes a sandbox of its own, as %s calls it', async (_, options) => {
      const { exitCode, stdout, stderr } = await run(nested, bubblewrap(options, nestedFacts));
      expect({ exitCode, says: stderr.text, facts: stdout.text }).toEqual({
        ...{ exitCode: 0, says: '', facts: expectedFacts(1000) },
      });
    });

    it('holds whatever runs in there, as seen from outside', async () => {
      const [, options = []] = bubblewrapCalls[0] ?? [];
      const running = await nested.start(command(bubblewrap(options, 'sleep 60 & setsid sleep 60 & wait')));
      const inner = () => processesOf(nested.sandbox.handle.namespace);
      const named = (name: string) => inner().filter(({ pid }) => nameOf(pid) === name).length;
      await expect.poll(() => named('sleep')).toBe(2);
      expect(named('bwrap')).toBeGreaterThanOrEqual(1);
      const labels = inner().flatMap(({ pid }) => readProcFile(`/proc/${pid}/attr/apparmor/current`)?.trim() ?? []);
      expect(labels.length).toBeGreaterThanOrEqual(4);
      expect(new Set(labels)).toEqual(new Set([confined]));
      await running.command.end('aborted');
      await running.settled;
    });

    it.each([
      ['write to memory through /proc', 'exec 3>/proc/self/mem'],
      ['read a file by the rights of root alone', 'echo x >/tmp/f$$; chmod 0 /tmp/f$$; cat /tmp/f$$'],
      ['mount an overlay', 'mkdir -p /tmp/o; mount -t overlay -o lowerdir=/usr:/etc none /tmp/o'],
    ])('root of a user namespace of its own does not %s, which it does outside', async (_, line) => {
      const argv = ['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c', `${line} && echo DONE`];
      const [program = '', ...words] = argv;
      expect(spawnSync(program, words, { encoding: 'utf8' }).stdout).toContain('DONE');
      const { stdout, stderr } = await run(nested, argv);
      expect(stdout.text).not.toContain('DONE');
      expect(stderr.text).toMatch(/denied|permitted|read-only/i);
    });

    it.each(['changeprofile unconfined', 'changeprofile paddock-sandbox', 'stack unconfined'])(
      'is not left by %s, in a user namespace either',
      async (what) => {
        const line = `echo '${what}' >/proc/self/attr/apparmor/current && echo left; cat /proc/self/attr/apparmor/current`;
        const { stdout } = await run(nested, ['unshare', '--user', '--map-root-user', 'sh', '-c', line]);
        expect(stdout.text).toBe(`${confined}\n`);
      },
    );
  },
);

const nameOf = (pid: number): string | undefined => readProcFile(`/proc/${pid}/comm`)?.trim();
