import { isPreset, suggestionsOf } from '../egress/lock-files/suggestions.js';
import { isReachable } from '../policy/network.js';
import type { Session } from '../session/session.js';

/** What a caller should know of a new session besides what it asked for. */
export function notesOf({ notes, record }: Pick<Session, 'notes' | 'record'>): string[] {
  return [...notes, ...(record.spec.workspace === 'cow' ? [waiting] : [])];
}

const waiting =
  'what is written to /workspace stays beside the project until apply_changes; review_changes shows it, discard_changes gives it up';

/** Enough to ask for; `paddock network suggest` has all of them. */
const mostNamed = 8;

/**
 * The places that the project's lock files name and that the session does not reach, as a note, so that a client can ask for them before its
 * first install fails. Which presets an allowlist was made of is not known any more, so of those none is named.
 */
export async function lockFileNotes({ record }: Pick<Session, 'record'>, signal: AbortSignal): Promise<string[]> {
  const { mounts, egress } = record.spec;
  const project = mounts.find(({ purpose }) => purpose === 'workspace')?.hostPath;
  if (project === undefined) return [];
  const { list } = await suggestionsOf(project, signal).catch(() => ({ list: [] }));
  const missing = list.filter((one) =>
    isPreset(one) ? egress === undefined : !isReachable(one.allow, egress?.allow ?? []),
  );
  if (missing.length === 0) return [];
  const files = [...new Set(missing.flatMap((one) => one.files))].slice(0, mostNamed).join(', ');
  const places = missing.slice(0, mostNamed).map(({ allow }) => allow);
  const more = missing.length > places.length ? ` and ${missing.length - places.length} more` : '';
  return [
    `not reachable, though the project's ${files} may need it: ${places.join(', ')}${more}. If you trust what the project ` +
      'names, ask for it with allow in create_session, as far as the policy has it',
  ];
}
