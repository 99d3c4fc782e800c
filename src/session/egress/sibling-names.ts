import { refuse } from '../../policy/egress/refuse.js';
import { toPolicyDenied } from '../../policy/verdict.js';
import { hasEnded } from '../has-ended.js';
import type { SessionRecord } from '../record.js';
import type { RecordStore } from '../store.js';
import type { Siblings } from './siblings.js';

/** Whether a session with network `internal` of that name runs, whoever holds it. */
export async function runsAnywhere(
  store: RecordStore,
  name: string,
  isMeant: (record: SessionRecord) => boolean = () => true,
): Promise<boolean> {
  const { records } = await store.list();
  return records.some(
    (record) =>
      record.name === name &&
      record.spec.network === 'internal' &&
      record.container !== undefined &&
      !hasEnded(record) &&
      isMeant(record),
  );
}

/**
 * Refuses a name by which siblings know another session already: one of this process, or for a detached session another one that the same
 * keeper will hold. Errors: POLICY_DENIED (internal.name-taken).
 */
export async function refuseTakenName(
  { name, spec, kind }: Pick<SessionRecord, 'name' | 'kind' | 'spec'>,
  store: RecordStore,
  siblings: Siblings | undefined,
): Promise<void> {
  if (name === undefined || spec.network !== 'internal') return;
  const isTaken =
    siblings?.has(name) === true ||
    (kind === 'detached' && (await runsAnywhere(store, name, (record) => record.kind === 'detached')));
  if (isTaken)
    throw toPolicyDenied(refuse('internal.name-taken', `a session with network internal has the name ${name}`));
}
