import type { AuditRecorder } from '../audit/audit-log.js';
import { audited } from '../audit/audited.js';
import { plain } from '../audit/redaction.js';
import { SessionError, toPaddockError } from '../core/errors.js';
import { formatDuration } from '../core/units.js';
import type { Clock } from '../kit/clock.js';
import type { CreateContext } from '../policy/create.js';
import { decideUpdate, type SessionPlan, type UpdateAllowed } from '../policy/update.js';
import { type OnDecided, toPolicyDenied } from '../policy/verdict.js';
import { memoryInUse } from '../sandbox/memory-in-use.js';
import { type SessionRecord, specOf } from './record.js';
import { textOf } from './record-parts.js';
import type { Session } from './session.js';
import {
  admitted,
  announce,
  type GrowthJudges,
  promisedBetween,
  type Step,
  saveUnlessEnded,
  type UpdateStore,
} from './update-promise.js';
import { changesBetween, reportOf, type UpdateReport } from './update-report.js';

export interface UpdateParts extends GrowthJudges {
  readonly store: UpdateStore;
  readonly audit: AuditRecorder;
  readonly clock: Clock;
  readonly policy: Pick<CreateContext, 'sitePolicy' | 'host'>;
  readonly onDecided?: OnDecided | undefined;
}

/**
 * Changes times and limits of a running session, which whoever holds it does. `request` may be anything: policy judges it. All of it
 * is done or none: what fails half-way is taken back. It counts as a use of the session. `signal` gives up waiting for room. Errors:
 * PolicyDenied, UPDATE_UNSUPPORTED, CONTROL_NOT_ENFORCED, LIMIT_REACHED (no room, or one is under way), those of the gate, SESSION_ENDED, AbortError,
 * CHANNEL_UNAVAILABLE, CHANNEL_VIOLATION, AUDIT_UNWRITABLE, STATE_UNWRITABLE, EngineError.
 */
export async function updateSession(
  session: Session,
  request: unknown,
  parts: UpdateParts,
  signal?: AbortSignal,
): Promise<UpdateReport> {
  return session.changeAlone(async () => {
    const before = planOf(session.record);
    return audited(parts.audit, {
      action: 'session.update',
      session: session.id,
      details: { request: textOf(request) },
      run: async () => {
        const { plan: asked } = decide(session, request, before, parts);
        const release = await admitted(session, { before, after: asked }, parts, signal);
        try {
          const diskAddedBytes = await diskAdded(session, { before, after: asked });
          // Once more: it may have waited for room, and what the session holds and how long it lives goes by now.
          const { plan: after, notes } = decide(session, request, before, parts, diskAddedBytes);
          await perform(session, { before, after }, parts);
          const changes = changesBetween(before, after, session.record.createdAtMs);
          return reportOf(session, changes, notes, parts.clock.now());
        } finally {
          release();
        }
      },
      describe: (report) => describeUpdate(report, session.record),
      undo: () => perform(session, { before: planOf(session.record), after: before }, parts),
    });
  });
}

/** What of a session can be changed, as its record has it. */
export function planOf(record: SessionRecord): SessionPlan {
  const { deadlineAtMs, spec } = record;
  return { deadlineAtMs, idleTimeoutMs: spec.idleTimeoutMs, limits: specOf(record).limits };
}

function decide(
  session: Session,
  request: unknown,
  plan: SessionPlan,
  parts: UpdateParts,
  diskAddedBytes?: number,
): UpdateAllowed {
  const { createdAtMs } = session.record;
  const memoryInUseBytes = memoryInUse(session.sandbox.handle);
  const facts = {
    plan,
    spec: session.record.spec,
    createdAtMs,
    nowMs: parts.clock.now(),
    memoryInUseBytes,
    diskAddedBytes,
  };
  const startedMs = performance.now();
  const verdict = decideUpdate(request, facts, parts.policy);
  const rule = verdict.verdict === 'deny' ? verdict.ruleId : undefined;
  parts.onDecided?.(verdict.verdict, rule, performance.now() - startedMs);
  if (verdict.verdict === 'deny') throw toPolicyDenied(verdict);
  if (plan.limits.diskBytes === undefined && verdict.plan.limits.diskBytes !== undefined) {
    throw new SessionError('UPDATE_UNSUPPORTED', 'nobody has counted what this session adds to the disk');
  }
  if (verdict.plan.deadlineAtMs !== plan.deadlineAtMs) refuseBeyondEngine(session.record, verdict.plan);
  return verdict;
}

/** Podman ends a container by a clock of its own, which was set at its creation. */
function refuseBeyondEngine(record: SessionRecord, { deadlineAtMs }: SessionPlan): void {
  const { createdAtMs, engine, spec, longestLifetimeMs = spec.lifetimeMs } = record;
  if (engine.kind === 'docker' || record.commandPath === 'exec' || deadlineAtMs - createdAtMs <= longestLifetimeMs)
    return;
  const most = formatDuration(longestLifetimeMs);
  throw new SessionError(
    'UPDATE_UNSUPPORTED',
    `the engine ends this session ${most} after its creation at the latest`,
    {
      hint: 'It was told so when the session was created, by the policy of that time; create another session for longer.',
    },
  );
}

/** Counted when it is to have less: what was counted last may be long gone, or far more by now. */
async function diskAdded({ disk }: Session, { before, after }: Step): Promise<number | undefined> {
  const { diskBytes = 0 } = before.limits;
  if (disk === undefined || (after.limits.diskBytes ?? 0) >= diskBytes) return undefined;
  try {
    await disk.count();
  } catch (cause) {
    const message = 'what the session has added to the disk can not be counted now';
    throw new SessionError('UPDATE_UNSUPPORTED', message, { cause });
  }
  return disk.usage?.bytes;
}

/** Neither engine nor process 1 has a part in it. */
function setDisk({ sandbox, disk }: Session, { limits }: SessionPlan): void {
  sandbox.setDiskLimits(limits);
  if (limits.diskBytes !== undefined) disk?.setLimit(limits.diskBytes);
}

async function perform(session: Session, { before, after }: Step, parts: UpdateParts): Promise<void> {
  await announce(session, { before, after }, parts.store);
  try {
    await apply(session, { before, after }, parts);
  } catch (error) {
    if (session.sandbox.alive) await takeBack(session, { before: after, after: before }, parts);
    throw error;
  }
}

/** Process 1 first, which says no where it can't be told; then the limits, and the record when both are so. */
async function apply(session: Session, { before, after }: Step, parts: UpdateParts): Promise<void> {
  const { sandbox, record } = session;
  if (after.deadlineAtMs !== before.deadlineAtMs) await moveEnd(session, after, parts);
  if (!areSame(sandbox.handle.spec, after)) await sandbox.setLimits(after.limits);
  setDisk(session, after);
  const { idleTimeoutMs, limits } = after;
  const spec: SessionRecord['spec'] = {
    ...record.spec,
    limits,
    lifetimeMs: after.deadlineAtMs - record.createdAtMs,
    ...(idleTimeoutMs === undefined ? {} : { idleTimeoutMs }),
  };
  const { controls, readAtMs } = sandbox.handle.evidence;
  const evidence = { controls: [...controls], readAtMs };
  const changed = { ...withoutPromise(record), deadlineAtMs: after.deadlineAtMs, spec, evidence };
  await saveUnlessEnded(session, changed, parts.store);
  session.recordChange(changed);
}

async function moveEnd({ sandbox, record }: Session, { deadlineAtMs }: SessionPlan, { clock }: UpdateParts) {
  await sandbox.setDeadline(deadlineAtMs - clock.now(), deadlineAtMs - record.createdAtMs);
}

/**
 * What can't be taken back stays reported as it is: the evidence of each step is the kernel's. But a sandbox of which a limit that
 * policy requires is held no longer is no sandbox any more.
 */
async function takeBack(session: Session, { before, after }: Step, parts: UpdateParts): Promise<void> {
  const { sandbox } = session;
  let record = withoutPromise(session.record);
  const isMoved = before.deadlineAtMs !== after.deadlineAtMs && sandbox.commandPath !== 'exec';
  if (isMoved) await moveEnd(session, after, parts).catch(() => undefined);
  if (!areSame(sandbox.handle.spec, after)) {
    const error = await sandbox.setLimits(after.limits).then(() => undefined, toPaddockError);
    // What it may still have counts.
    if (error !== undefined) record = { ...record, promised: promisedBetween({ before, after }) };
    if (error?.code === 'CONTROL_NOT_ENFORCED') await sandbox[Symbol.asyncDispose]().catch(() => undefined);
  }
  setDisk(session, after);
  const { controls, readAtMs } = sandbox.handle.evidence;
  const kept = { ...record, evidence: { controls: [...controls], readAtMs } };
  session.recordChange(kept);
  await saveUnlessEnded(session, kept, parts.store).catch(() => undefined);
}

function withoutPromise(record: SessionRecord): SessionRecord {
  const copy = { ...record };
  delete copy.promised;
  return copy;
}

function areSame(one: Pick<SessionPlan, 'limits'>, other: Pick<SessionPlan, 'limits'>): boolean {
  const keys = ['memoryBytes', 'cpuMillis', 'cpuShares', 'pids'] as const;
  return keys.every((key) => one.limits[key] === other.limits[key]);
}

function describeUpdate({ changes, controls }: UpdateReport, { spec }: SessionRecord) {
  return {
    changed: changes.map(({ what }) => plain(what)),
    memoryBytes: spec.limits.memoryBytes,
    cpuMillis: spec.limits.cpuMillis,
    cpuShares: spec.limits.cpuShares,
    pids: spec.limits.pids,
    diskBytes: spec.limits.diskBytes ?? 0,
    lifetimeMs: spec.lifetimeMs,
    idleTimeoutMs: spec.idleTimeoutMs ?? 0,
    controls: controls.map((c) => plain(`${c.id}=${c.status}`)),
  };
}
