import type { Limits } from '../core/limits.js';
import type { SitePolicy } from '../core/site-policy.js';
import type { SandboxSpec } from '../core/spec.js';
import { formatBytes, formatDuration } from '../core/units.js';
import type { CreateContext } from './create.js';
import { changeDisk } from './disk.js';
import type { JsonBounds } from './json.js';
import { type ChangeableLimit, checkHostFacts, leastLimits, limitRanges, timeRanges } from './limits.js';
import { count, cpus, duration, size, within } from './quantities.js';
import { parseRequest, type UpdateRequest, updateRequestSchema } from './request.js';
import { leavesRoom } from './tmpfs.js';
import { type Denied, deny, settle } from './verdict.js';

const requestBounds: JsonBounds = { maxDepth: 2, maxValues: 64, maxTextChars: 4096 };

/** What of a running session can be changed. */
export interface SessionPlan {
  /** Milliseconds since the epoch. */
  readonly deadlineAtMs: number;
  /** Undefined: it may be idle for as long as it lives. */
  readonly idleTimeoutMs: number | undefined;
  readonly limits: Limits;
}

/** What an update is judged by besides the request and the site's rules. */
export interface UpdateFacts {
  readonly plan: SessionPlan;
  readonly spec: Pick<SandboxSpec, 'tmpfs' | 'shmBytes' | 'mounts'>;
  readonly createdAtMs: number;
  readonly nowMs: number;
  /** What its processes and tmpfs hold and the kernel can't take back, in bytes; undefined where nobody counts it. */
  readonly memoryInUseBytes?: number | undefined;
  /** What it has added to the disk; undefined where nobody has counted. */
  readonly diskAddedBytes?: number | undefined;
}

export interface UpdateAllowed {
  readonly verdict: 'allow';
  /** All of it: what the request leaves out is as it was. */
  readonly plan: SessionPlan;
  /** What whoever asked should know of it, in sentences. */
  readonly notes: readonly string[];
}

export type UpdateVerdict = UpdateAllowed | Denied;

/**
 * Decides one change of a running session: the same bounds and rules as at its creation, for everything together. The lifetime counts
 * from the creation, so that no session outlives the site's ceiling however often it is changed. Never throws for bad input.
 */
export function decideUpdate(
  input: unknown,
  facts: UpdateFacts,
  { sitePolicy, host }: Pick<CreateContext, 'sitePolicy' | 'host'>,
): UpdateVerdict {
  return settle<UpdateVerdict>(() => {
    checkHostFacts(host);
    const request = parseRequest(input, updateRequestSchema, requestBounds);
    if (Object.values(request).every((value) => value === undefined)) {
      deny('request.invalid', 'nothing is asked for: give what is to be changed');
    }
    const ranges = limitRanges(sitePolicy, host);
    const asked = askedLimits(request);
    const limits = Object.entries(asked).map(([key, value]) => [key, within(value, ranges[key as ChangeableLimit])]);
    const disk = askedDisk(request, facts, sitePolicy);
    const plan: SessionPlan = {
      deadlineAtMs: decideDeadline(request, facts, timeRanges(sitePolicy).lifetimeMs),
      idleTimeoutMs:
        request.idleTimeout === undefined
          ? facts.plan.idleTimeoutMs
          : within(duration(request.idleTimeout, 'idleTimeout'), timeRanges(sitePolicy).idleTimeoutMs),
      limits: { ...facts.plan.limits, ...(Object.fromEntries(limits) as Partial<Limits>), ...disk.limits },
    };
    refuseMemoryInUse(plan, facts);
    return { verdict: 'allow', plan, notes: [...notesOn(request, plan, facts), ...disk.notes] };
  });
}

function askedLimits({ memory, pids, cpuShares, ...rest }: UpdateRequest): Partial<Record<ChangeableLimit, number>> {
  return {
    ...(memory === undefined ? {} : { memoryBytes: size(memory, 'memory') }),
    ...(rest.cpus === undefined ? {} : { cpuMillis: cpus(rest.cpus, 'cpus') }),
    ...(cpuShares === undefined ? {} : { cpuShares: count(cpuShares, 'cpuShares') }),
    ...(pids === undefined ? {} : { pids: count(pids, 'pids') }),
  };
}

function askedDisk({ disk }: UpdateRequest, { plan, spec, diskAddedBytes }: UpdateFacts, policy: SitePolicy) {
  if (disk === undefined) return { limits: {}, notes: [] };
  const { tmpfs, shmBytes, mounts } = spec;
  const facts = { limits: plan.limits, tmpfs, shmBytes, mounts, addedBytes: diskAddedBytes };
  return changeDisk(size(disk, 'disk'), facts, policy);
}

function decideDeadline(
  { lifetime, endsIn }: UpdateRequest,
  { plan, createdAtMs, nowMs }: UpdateFacts,
  range: Parameters<typeof within>[1],
): number {
  if (lifetime === undefined && endsIn === undefined) return plan.deadlineAtMs;
  if (lifetime !== undefined && endsIn !== undefined) {
    deny('request.conflict', 'lifetime (from the creation) and endsIn (from now) both say when the session ends');
  }
  const deadlineAtMs =
    endsIn === undefined ? createdAtMs + duration(lifetime ?? 0, 'lifetime') : nowMs + duration(endsIn, 'endsIn');
  const leftMs = deadlineAtMs - nowMs;
  if (leftMs < leastLimits.lifetimeMs) {
    const least = formatDuration(nowMs - createdAtMs + leastLimits.lifetimeMs);
    deny('limits.too-small', `the session would have ended: it is as old as a lifetime of at least ${least}`);
  }
  within(deadlineAtMs - createdAtMs, range);
  return deadlineAtMs;
}

/** A limit below what is held would not wait until that is given back: the kernel kills at once. */
function refuseMemoryInUse({ limits }: SessionPlan, { plan, memoryInUseBytes = 0 }: UpdateFacts): void {
  if (limits.memoryBytes >= plan.limits.memoryBytes || memoryInUseBytes <= limits.memoryBytes) return;
  deny(
    'memory.in-use',
    `memory ${formatBytes(limits.memoryBytes)} is less than the ${formatBytes(memoryInUseBytes)} that the sandbox holds now`,
  );
}

function notesOn({ memory, cpuShares }: UpdateRequest, { limits }: SessionPlan, { spec }: UpdateFacts): string[] {
  const heldBytes = spec.tmpfs.reduce((sum, { sizeBytes }) => sum + sizeBytes, spec.shmBytes);
  const notes: string[] = [];
  if (cpuShares !== undefined) notes.push('cpuShares is a weight among others and no limit.');
  if (memory !== undefined && !leavesRoom(heldBytes, limits.memoryBytes)) {
    const sizes = `${formatBytes(heldBytes)} of the memory of ${formatBytes(limits.memoryBytes)}`;
    notes.push(
      `The tmpfs and /dev/shm keep their sizes and can hold ${sizes}: full ones can leave nothing to run a command in.`,
    );
  }
  return notes;
}
