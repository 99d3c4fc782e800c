import { toPaddockError } from '../../core/errors.js';
import type { ControlEvidence, ControlId } from '../../core/evidence.js';
import { floor } from '../../sandbox/first-process.js';
import type { CanaryRun } from '../canary.js';
import {
  type DoctorCheck,
  type DoctorContext,
  engineOf,
  type Finding,
  fail,
  noEngine,
  pass,
  unknown,
} from '../context.js';
import { commandCgroups } from './command-cgroups.js';

/** The proof: one real sandbox, and what the kernel says of every control in it. */
export const canaryCheck: DoctorCheck = {
  id: 'canary',
  title: 'A sandbox starts and is what it should be',
  timeoutMs: 60_000,
  async run(ctx, signal) {
    if (ctx.canary === undefined) return unknown('not started: it was not asked for', 'paddock doctor');
    if (engineOf(ctx) === undefined) return noEngine;
    try {
      const run = await ctx.canary(signal);
      const rows = run.evidence.controls.map((control) => judge(ctx, control, run.evidence.controls));
      return [inside(run), ...rows, await commandCgroups(ctx, run)];
    } catch (thrown) {
      return refused(thrown);
    }
  },
};

function refused(thrown: unknown): Finding {
  const error = toPaddockError(thrown);
  const evidence = `${error.code}: ${error.message}`;
  // A full house or a cancelled call says nothing of the host.
  return error.retryable ? unknown(evidence, error.hint) : fail(evidence, error.hint);
}

const expected = [
  ['CapPrm', '0000000000000000'],
  ['CapEff', '0000000000000000'],
  ['CapBnd', '0000000000000000'],
  ['NoNewPrivs', '1'],
  ['Seccomp', '2'],
] as const;

/** What the sandbox says of itself must agree with what the host saw. */
function inside({ result, createMs }: CanaryRun): Finding {
  const values = new Map(result.stdout.text.split('\n').map((line) => line.split(/:\s*/, 2) as [string, string]));
  const wrong = expected
    .filter(([name, value]) => values.get(name) !== value)
    .map(([name]) => `${name} ${values.get(name) ?? '-'}`);
  if (result.exitCode !== 0) {
    return fail(
      `the command in it ended with ${result.exitCode} (${result.reason}): ${result.stderr.text.slice(0, 200)}`,
      'paddock run -- /usr/bin/true',
    );
  }
  if (wrong.length > 0)
    return fail(`seen from inside: ${wrong.join(', ')}`, 'paddock run -- /usr/bin/cat /proc/self/status');
  return pass(`created in ${createMs} ms; from inside: no capabilities, no_new_privs, seccomp filter; removed again`);
}

function judge(ctx: DoctorContext, control: ControlEvidence, all: readonly ControlEvidence[]): Finding {
  const { id, asked, engine, kernel, note } = control;
  const evidence = `${control.status}: asked ${asked}, engine ${engine}, kernel ${kernel}`;
  const common = { part: id, title: `Control ${id}`, evidence };
  if (control.status === 'enforced') return { ...common, status: 'pass' };
  const remedy = [note, isModule(id) && isInUse(control) ? undefined : remedies[id]]
    .filter((text) => text !== undefined)
    .join(' ');
  const isNeeded = floor.includes(id) || ctx.sitePolicy.require.includes(id);
  const instead = isNeeded ? undefined : otherModule(control, all);
  if (instead !== undefined) {
    return { ...common, status: 'pass', evidence: `${evidence}; this host has ${instead} instead` };
  }
  return {
    ...common,
    status: isNeeded ? 'fail' : 'warn',
    remedy: remedy || 'Follow the remedies above, then run `paddock doctor` again.',
  };
}

const modules: Partial<Record<ControlId, string>> = { apparmor: 'AppArmor', selinux: 'SELinux' };

function isModule(id: ControlId): boolean {
  return modules[id] !== undefined;
}

/** Whether the kernel has that module at all; then the check `lsm` has nothing to add to the control's own note. */
function isInUse(control: ControlEvidence): boolean {
  return control.kernel !== '-' && control.kernel !== 'not in use';
}

/** A host has AppArmor or SELinux: that one is missing is no fault where the other is there and says how it does. */
function otherModule(control: ControlEvidence, all: readonly ControlEvidence[]): string | undefined {
  if (!isModule(control.id) || isInUse(control) || control.status !== 'absent') return undefined;
  const other = all.find(({ id }) => isModule(id) && id !== control.id);
  return other !== undefined && isInUse(other) ? modules[other.id] : undefined;
}

const cgroups = 'Follow the remedy of the check `cgroups`.';
const lsm = 'Follow the remedy of the check `lsm`.';
const remedies: Partial<Record<ControlId, string>> = {
  ...{ memory: cgroups, swap: cgroups, cpu: cgroups, 'cpu-weight': cgroups, pids: cgroups },
  ...{ apparmor: lsm, selinux: lsm },
  'user-namespace': 'Use rootless Podman: rootless Docker has one user namespace for all of its containers.',
};
