import type { Session } from '../session/session.js';

/** What a caller should know of a new session besides what it asked for. */
export function notesOf({ notes, record }: Pick<Session, 'notes' | 'record'>): string[] {
  return [...notes, ...(record.spec.workspace === 'cow' ? [waiting] : [])];
}

const waiting =
  'what is written to /workspace stays beside the project until apply_changes; review_changes shows it, discard_changes gives it up';
