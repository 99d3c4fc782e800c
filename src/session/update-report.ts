import { z } from 'zod';
import { formatBytes, formatDuration } from '../core/units.js';
import { known } from '../kit/known.js';
import type { SessionPlan } from '../policy/update.js';
import { control } from './record.js';
import type { Session } from './session.js';

/** One control as clients see it: asked, engine, kernel. */
export const controlView = z.object(control.shape);

/** What an update did, for programs: the result of the tool, of the command line, and of a session's holder. */
export const updateReport = z.object({
  sessionId: z.string(),
  endsAt: z.string(),
  endsInMs: z.number(),
  /** Absent: it may be idle for as long as it lives. */
  idleTimeoutMs: z.number().optional(),
  limits: z.object({
    memoryBytes: z.number(),
    cpuMillis: z.number(),
    cpuShares: z.number(),
    pids: z.number(),
    diskBytes: z.number().optional(),
  }),
  /** What is different from before; empty when all of it was so already. */
  changes: z.array(z.object({ what: z.string(), before: z.string(), after: z.string() })),
  /** What was verified anew, as in get_session. */
  controls: z.array(controlView),
  notes: z.array(z.string()),
});
export type UpdateReport = z.output<typeof updateReport>;

type Change = UpdateReport['changes'][number];

/** What differs between two plans of one session, in words. */
export function changesBetween(before: SessionPlan, after: SessionPlan, createdAtMs: number): readonly Change[] {
  const cpu = (millis: number) => `${millis / 1000} CPUs`;
  const idle = (ms: number | undefined) => (ms === undefined ? 'none' : formatDuration(ms));
  const lifetime = (atMs: number) => `${formatDuration(atMs - createdAtMs)}, until ${new Date(atMs).toISOString()}`;
  const texts = (plan: SessionPlan) => ({
    lifetime: lifetime(plan.deadlineAtMs),
    idleTimeout: idle(plan.idleTimeoutMs),
    memory: formatBytes(plan.limits.memoryBytes),
    cpus: cpu(plan.limits.cpuMillis),
    cpuShares: String(plan.limits.cpuShares),
    pids: String(plan.limits.pids),
    disk: plan.limits.diskBytes === undefined ? 'none' : formatBytes(plan.limits.diskBytes),
  });
  const old = texts(before);
  return Object.entries(texts(after)).flatMap(([what, text]) => {
    const from = old[what as keyof typeof old];
    return from === text ? [] : [{ what, before: from, after: text }];
  });
}

/** The controls that prove these changes. */
const provenBy = {
  lifetime: ['deadline'],
  memory: ['memory', 'swap'],
  cpus: ['cpu'],
  cpuShares: ['cpu-weight'],
  pids: ['pids'],
} as const;

export function reportOf(
  session: Session,
  changes: readonly Change[],
  notes: readonly string[],
  nowMs: number,
): UpdateReport {
  const { record, idleness, sandbox } = session;
  const { memoryBytes, cpuMillis, cpuShares, pids, diskBytes } = record.spec.limits;
  const ids: readonly string[] = changes.flatMap(({ what }) =>
    what in provenBy ? provenBy[what as keyof typeof provenBy] : [],
  );
  return {
    sessionId: record.id,
    endsAt: new Date(record.deadlineAtMs).toISOString(),
    endsInMs: Math.max(0, record.deadlineAtMs - nowMs),
    ...(idleness.timeoutMs === undefined ? {} : { idleTimeoutMs: idleness.timeoutMs }),
    limits: { memoryBytes, cpuMillis, cpuShares, pids, ...known({ diskBytes }) },
    changes: [...changes],
    controls: sandbox.handle.evidence.controls.filter(({ id }) => ids.includes(id)).map((row) => ({ ...row })),
    notes: [...notes],
  };
}

/** The same for people. */
export function updateText({ sessionId, changes, controls, notes }: UpdateReport): string {
  const nothing = changes.length === 0 ? ['  nothing to change: all of it was so already'] : [];
  return [
    sessionId,
    ...nothing,
    ...changes.map(({ what, before, after }) => `  ${what}: ${before} -> ${after}`),
    ...controls.map(({ id, status, kernel, note }) => {
      const why = status === 'enforced' || note === undefined ? '' : `: ${note}`;
      return `  ${id} is ${status} (${kernel})${why}`;
    }),
    ...notes.map((note) => `  note: ${note}`),
  ].join('\n');
}
