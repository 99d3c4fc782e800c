import type { ControlEvidence, ControlId } from '../../core/evidence.js';
import { formatBytes } from '../../core/units.js';
import { safeLine } from '../../kit/safe-text.js';
import type { CgroupFacts, Observation } from '../observation.js';
import { control, type Judge, type LimitJudge, type LimitObservation, unreadable } from './control.js';

const remedy =
  'Delegate the controllers: write `[Service]` and `Delegate=cpu cpuset io memory pids` to ' +
  '/etc/systemd/system/user@.service.d/delegate.conf, run `systemctl daemon-reload`, and log in again.';

export const judgeMemory: LimitJudge = (seen, { spec, claims, info }) => {
  const engine = claimText(claims.memoryBytes, formatBytes, info?.memoryLimit);
  return judgeCap(seen, 'memory', spec.limits.memoryBytes, formatBytes, engine, (facts) => facts.memoryMaxBytes);
};

export const judgePids: LimitJudge = (seen, { spec, claims, info }) => {
  const engine = claimText(claims.pids, String, info?.pidsLimit);
  return judgeCap(seen, 'pids', spec.limits.pids, String, engine, (facts) => facts.pidsMax);
};

export const judgeCpu: LimitJudge = (seen, { spec, claims, info }) => {
  const quota = claims.cpuQuota === undefined ? undefined : (claims.cpuQuota / (claims.cpuPeriod || 100_000)) * 1000;
  const claimed = claims.nanoCpus ? claims.nanoCpus / 1e6 : quota;
  const engine = claimText(claimed, formatCpu, info?.cpuLimit);
  // The quota is in whole microseconds of a period, so a rounded value is not a looser one.
  return judgeCap(seen, 'cpu', spec.limits.cpuMillis + 1, formatCpu, engine, (facts) => facts.cpuMillis);
};

/** No swap besides the memory: `memory.swap.max` is 0. */
export const judgeSwap: LimitJudge = (seen, { claims, info }) => {
  const total = claims.memorySwapBytes;
  const swap = total === undefined ? undefined : Math.max(0, total - (claims.memoryBytes ?? 0));
  const engine = claimText(swap, formatBytes, info?.memoryLimit);
  const { cgroup } = seen;
  const isMissing = typeof cgroup === 'object' && cgroup.isShared === false && cgroup.swapMaxBytes === undefined;
  if (isMissing && Number.isFinite(cgroup.memoryMaxBytes) && seen.hasHostSwap === false) {
    const note =
      'The kernel does not count swap for cgroups; the host has none now, and swap added later would be used.';
    return control('swap', { asked: '0 B', engine, kernel: 'not counted, host has none' }, 'degraded', note);
  }
  return judgeCap(seen, 'swap', 0, formatBytes, engine, (facts) => facts.swapMaxBytes);
};

function judgeCap(
  seen: LimitObservation,
  id: ControlId,
  most: number,
  format: (value: number) => string,
  engine: string | undefined,
  pick: (facts: CgroupFacts) => number | undefined,
): ControlEvidence {
  const voices = { asked: format(most), engine };
  return judgeOwn(seen, id, voices, pick, (value) => {
    if (value === Number.POSITIVE_INFINITY) return control(id, { ...voices, kernel: 'unlimited' }, 'absent', remedy);
    const kernel = format(value);
    if (value <= most) return control(id, { ...voices, kernel }, 'enforced');
    return control(id, { ...voices, kernel }, 'degraded', 'The kernel allows more than was asked for.');
  });
}

/** Judges a value of the sandbox's own cgroup, where it has one and the value is there. */
export function judgeOwn(
  seen: LimitObservation,
  id: ControlId,
  { asked, engine }: { readonly asked: string; readonly engine: string | undefined },
  pick: (facts: CgroupFacts) => number | undefined,
  judge: (value: number) => ControlEvidence,
): ControlEvidence {
  const { cgroup } = seen;
  if (cgroup === undefined) return unreadable(id, asked, engine, 'the cgroup');
  if (cgroup === 'none')
    return control(id, { asked, engine, kernel: 'no cgroup v2' }, 'absent', 'Boot with cgroup v2.');
  const value = pick(cgroup);
  if (cgroup.isShared === true) {
    const note = `The sandbox has no cgroup of its own (${safeLine(cgroup.path, 80)}). ${remedy}`;
    return control(id, { asked, engine, kernel: 'shared cgroup' }, 'absent', note);
  }
  if (cgroup.isShared === undefined) return unreadable(id, asked, engine, 'who else is in the cgroup');
  if (value === undefined) return control(id, { asked, engine, kernel: 'no such controller' }, 'absent', remedy);
  return judge(value);
}

/** What the engine says it set, and whether it says that it can. */
export function claimText(
  value: number | undefined,
  format: (value: number) => string,
  isSupported: boolean | undefined,
): string | undefined {
  if (value === undefined && isSupported === undefined) return undefined;
  const text = value === undefined ? '-' : value > 0 ? format(value) : value === 0 ? '0' : 'unlimited';
  return isSupported === false ? `${text} (can not enforce)` : text;
}

function formatCpu(millis: number): string {
  return `${Number((millis / 1000).toFixed(2))} CPUs`;
}

export const judgeNofile: Judge = (seen, { spec }) =>
  judgeResource(seen, 'nofile', 'Max open files', spec.limits.nofile, String);

export const judgeCore: Judge = (seen, { spec }) =>
  judgeResource(seen, 'core', 'Max core file size', spec.limits.coreBytes, formatBytes);

/** The hard limit of process 1 counts: everything inside can raise its soft limit up to it. */
function judgeResource(
  seen: Observation,
  id: ControlId,
  name: string,
  most: number,
  format: (value: number) => string,
): ControlEvidence {
  const asked = format(most);
  const hard = seen.limits?.get(name)?.hard;
  if (hard === undefined) return unreadable(id, asked, undefined, '/proc/PID/limits');
  if (hard <= most) return control(id, { asked, kernel: format(hard) }, 'enforced');
  if (hard === Number.POSITIVE_INFINITY) {
    return control(id, { asked, kernel: 'unlimited' }, 'absent', 'The engine did not set the resource limit.');
  }
  const note = "The engine kept a higher limit of its own; lower `default_ulimits` or the service's limit.";
  return control(id, { asked, kernel: format(hard) }, 'degraded', note);
}
