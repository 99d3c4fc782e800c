import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SeccompVariant } from '../../src/core/spec.js';
import type { EngineIdentity } from '../../src/engine/types.js';
import type { Session } from '../../src/session/session.js';
import { engineKinds } from '../engine/support/engines.js';
import { refused, Stage, said } from '../engine/support/stage.js';
import { build } from './support/built.js';
import { leftToKernel, notTestable, openedBy, refusedCalls, surelyOpenOutside } from './support/refused-calls.js';

const folder = mkdtempSync(join(tmpdir(), 'paddock-calls-'));
const program = join(folder, 'calls');
build('calls', program);
afterAll(() => rmSync(folder, { recursive: true }));

type Answers = ReadonlyMap<string, string>;

function answersIn(text: string): Answers {
  const lines = text.trim().split('\n');
  return new Map(lines.map((line) => line.split(' ') as [string, string]));
}

/** Root in namespaces of its own, on this kernel, under nobody's filter. */
const namespaces = ['--user', '--map-root-user', '--mount', '--net', '--uts', '--pid', '--fork'];
const outside = answersIn(execFileSync('unshare', [...namespaces, program], { encoding: 'utf8' }));

/** User Mode Linux has no 32-bit interface: it takes `int 0x80` for a call of its own. */
const has32Bits = outside.get('int80-getpid') === 'ok';

/** Rows that this processor and this kernel have. */
const rows = refusedCalls.filter(([name]) => outside.has(name) && (has32Bits || !name.startsWith('int80')));

/** The answer to what a profile does not name. Docker 20.10 does not know that profiles say which, and takes its own. */
function otherwiseOf({ kind, version }: EngineIdentity): string {
  return kind === 'docker' && version.startsWith('20.') ? 'EPERM' : 'ENOSYS';
}

function title([name, answer]: readonly [string, string]): readonly [string, string, string] {
  const control = outside.get(name) ?? '';
  if (control !== answer) return [name, answer, `outside ${control}`];
  const missing = control === 'ENOSYS' ? 'this kernel has no such call' : undefined;
  return [name, answer, `not testable here: ${notTestable[name] ?? missing ?? 'nobody knows why'}`];
}

describe('the calls that are tried', () => {
  it('are those in the tables', () => {
    const only = [
      'modify_ldt',
      'iopl',
      'ioperm',
      'sysfs',
      'int80-getpid',
      'int80-socketcall',
      'x32-getpid',
      'x32-ptrace',
    ];
    const absent = process.arch === 'x64' ? [] : only;
    expect([...outside.keys()].toSorted()).toEqual(
      refusedCalls
        .map(([name]) => name)
        .filter((name) => !absent.includes(name))
        .toSorted(),
    );
  });

  it.each(surelyOpenOutside)('%s succeeds where nothing refuses it', (name) => {
    expect(outside.get(name)).toBe('ok');
  });

  it('get another answer outside, or there is a reason why that can’t be seen here', () => {
    expect(rows.map(title).filter(([, , control]) => control.includes('nobody knows why'))).toEqual([]);
  });
});

describe.each(engineKinds)('a system call in a sandbox of a real rootless %s', (kind) => {
  let stage: Stage;
  const sessions = new Map<SeccompVariant, Session>();
  const answers = new Map<SeccompVariant, Answers>();
  let otherwise = '';

  beforeAll(async () => {
    stage = await Stage.open(kind, { policy: { seccomp: ['debug', 'nested'] } });
    const project = await stage.project();
    copyFileSync(program, join(project, 'calls'));
    for (const seccomp of ['default', 'debug', 'nested'] as const) {
      const session = await stage.create({ projectPath: project, seccomp });
      sessions.set(seccomp, session);
      answers.set(seccomp, answersIn(await said(session, './calls')));
    }
    otherwise = otherwiseOf(stage.engine.identity);
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  const sessionOf = (variant: SeccompVariant): Session => {
    const session = sessions.get(variant);
    if (session === undefined) throw new Error(`no session under ${variant}`);
    return session;
  };

  it.each(rows.map(title))('%s is answered by %s (%s)', (name, answer) => {
    expect(answers.get('default')?.get(name)).toBe(answer === 'otherwise' ? otherwise : answer);
  });

  it.each(['debug', 'nested'] as const)('is answered in the same way under %s, but for what that opens', (variant) => {
    const apart = [...Object.keys(openedBy[variant]), ...leftToKernel];
    const same = rows.map(([name]) => name).filter((name) => !apart.includes(name));
    const under = (one: SeccompVariant) => same.map((name) => [name, answers.get(one)?.get(name)]);
    expect(under(variant)).toEqual(under('default'));
  });

  it('is let through under debug as if there was no filter', () => {
    for (const name of Object.keys(openedBy.debug)) {
      expect([name, answers.get('debug')?.get(name)]).toEqual([name, outside.get(name)]);
    }
  });

  it('is let through under nested, by the AppArmor profile of such sessions too', () => {
    for (const [name, answer] of Object.entries(openedBy.nested)) {
      expect([name, answers.get('nested')?.get(name)]).toEqual([name, answer]);
    }
  });

  it('is filtered by the profile that was asked for: the evidence says which', () => {
    for (const [variant, session] of sessions) {
      const { evidence, initPid } = session.sandbox.handle;
      const row = evidence.controls.find(({ id }) => id === 'seccomp');
      const name = readFileSync(`/proc/${initPid}/comm`, 'utf8').trim();
      expect(row).toMatchObject({ status: 'enforced', asked: `${variant} (${name.replace('init-', '')})` });
    }
  });

  it('lets a program make a sandbox of its own under nested, which undoes nothing', async () => {
    const nested = sessionOf('nested');
    expect(await refused(sessionOf('default'), 'unshare --user true')).toMatch(/not permitted/i);
    // Docker's sandboxes run as uid 0, which the kernel lets nobody without CAP_SETFCAP map into another namespace.
    const map = kind === 'podman' ? '--map-root-user' : '';
    const inside = (line: string) => said(nested, `unshare --user ${map} --mount --pid --fork sh -c '${line}'`);
    if (kind === 'podman') {
      expect(await inside('mount -t tmpfs none /tmp && touch /tmp/x && ls /tmp && id -u')).toBe('x\n0');
    }
    const undone = [
      'umount /proc/kcore',
      'umount -l /usr',
      'mount -o remount,bind,rw /usr',
      'mount -t proc none /tmp',
      'hostname x',
    ];
    for (const line of undone) {
      const words = await inside(`${line} 2>&1 && echo DONE; true`);
      expect([line, words]).toEqual([line, expect.not.stringContaining('DONE') as unknown]);
    }
  });

  it('can not be chosen by a caller whom the policy does not let', async () => {
    await using strict = await Stage.open(kind);
    await expect(strict.create({ seccomp: 'nested' })).rejects.toMatchObject({ ruleId: 'seccomp.not-allowed' });
  });
});
