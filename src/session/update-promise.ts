import type { SessionPlan } from '../policy/update.js';
import type { Admission } from './admission.js';
import { sessionEnded } from './ended.js';
import type { SessionRecord } from './record.js';
import type { Session } from './session.js';
import type { RecordStore } from './store.js';

/** One step of an update, from one plan to another. */
export interface Step {
  readonly before: SessionPlan;
  readonly after: SessionPlan;
}

/** Room for what the session is to have, reserved until the returned function is called. Errors: LIMIT_REACHED, SESSION_ENDED, AbortError. */
export async function admitted(
  { id, ending }: Session,
  { before, after }: Step,
  admission: Pick<Admission, 'grow'>,
  signal?: AbortSignal,
): Promise<() => void> {
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

/** Whoever reads the records counts what the session is given from before it has it. */
export async function announce(
  session: Session,
  step: Step,
  store: Pick<RecordStore, 'save' | 'remove'>,
): Promise<void> {
  const { memoryBytes, cpuMillis } = step.before.limits;
  const promised = promisedBetween(step);
  if (promised.memoryBytes === memoryBytes && promised.cpuMillis === cpuMillis) return;
  await saveUnlessEnded(session, { ...session.record, promised }, store);
}

/** Where the session ended meanwhile, its record has gone, and must not come back. */
export async function saveUnlessEnded(
  { id, ending }: Session,
  record: SessionRecord,
  store: Pick<RecordStore, 'save' | 'remove'>,
): Promise<void> {
  await store.save(record);
  if (ending.aborted) await store.remove(id);
}
