import type { SessionPlan } from '../policy/update.js';
import type { Admission } from './admission.js';
import { isBeingRemoved } from './control/claim-removal.js';
import { sessionEnded } from './ended.js';
import type { SessionRecord } from './record.js';
import type { Session } from './session.js';
import type { RecordStore } from './store.js';

/** One step of an update, from one plan to another. */
export interface Step {
  readonly before: SessionPlan;
  readonly after: SessionPlan;
}

export type UpdateStore = Pick<RecordStore, 'save' | 'forget' | 'channelFolder'>;

/** Who judges whether a session may have more. */
export interface GrowthJudges {
  /** Judges more memory and CPU as it does a new session's. */
  readonly admission: Pick<Admission, 'grow'>;
  /** Asked before that; throws where the caller may have no more for now. */
  readonly growGate?: (() => Promise<void>) | undefined;
}

/** Room for what the session is to have, reserved until the returned function is called. Errors: LIMIT_REACHED, SESSION_ENDED, AbortError, those of the gate. */
export async function admitted(
  { id, ending }: Session,
  step: Step,
  { admission, growGate }: GrowthJudges,
  signal?: AbortSignal,
): Promise<() => void> {
  const { before, after } = step;
  if (isGrowth(step)) await growGate?.();
  const both = AbortSignal.any([ending, ...(signal === undefined ? [] : [signal])]);
  try {
    return await admission.grow({ id, ...before.limits }, { id, ...after.limits }, both);
  } catch (error) {
    throw ending.aborted ? sessionEnded(id) : error;
  }
}

/** The most that the session has while it goes from one plan to the other. */
export function promisedBetween({ before, after }: Step): NonNullable<SessionRecord['promised']> {
  const most = (what: 'memoryBytes' | 'cpuMillis') => Math.max(before.limits[what], after.limits[what]);
  return { memoryBytes: most('memoryBytes'), cpuMillis: most('cpuMillis') };
}

function isGrowth({ before, after }: Step): boolean {
  return after.limits.memoryBytes > before.limits.memoryBytes || after.limits.cpuMillis > before.limits.cpuMillis;
}

/**
 * Whoever reads the records counts what the session is given from before it has it, and does not remove it for an end that process 1 no
 * longer has. Errors: SESSION_ENDED when somebody is removing it, STATE_UNWRITABLE.
 */
export async function announce(session: Session, step: Step, store: UpdateStore): Promise<void> {
  const { before, after } = step;
  const promised = promisedBetween(step);
  const isMore = isGrowth(step);
  const isLater = after.deadlineAtMs > before.deadlineAtMs;
  if (!isMore && !isLater) return;
  const { record, id } = session;
  const deadlineAtMs = Math.max(before.deadlineAtMs, after.deadlineAtMs);
  await saveUnlessEnded(session, { ...record, deadlineAtMs, ...(isMore ? { promised } : {}) }, store);
  if (!isLater || !(await isBeingRemoved(store, id))) return;
  await saveUnlessEnded(session, record, store);
  throw sessionEnded(id, 'its time was over, and it is being removed');
}

/** Where the session ended meanwhile, its record has gone, and must not come back. */
export async function saveUnlessEnded(
  { id, ending }: Session,
  record: SessionRecord,
  store: UpdateStore,
): Promise<void> {
  await store.save(record);
  // The rest of it is removed by whoever ends it, once nothing runs any more.
  if (ending.aborted) await store.forget(id);
}
