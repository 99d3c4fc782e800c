import { toPaddockError } from '../../core/errors.js';
import { safeLine } from '../../kit/safe-text.js';
import type { Change, Review } from '../../workspace/changes/change.js';
import type { AgentMeans, AgentSession } from './means.js';
import type { ChangedFiles } from './types.js';

/** A layer that takes longer to look at is the review's to show. */
const longestLookMs = 20_000;
const mostPaths = 200;

type Before = ReadonlyMap<string, string> | { readonly unknown: string };

/** Tells what a run changes in the workspace, by what the session's layer held before and holds after it. */
export class ChangeWatch {
  readonly #look: () => Promise<Review>;
  readonly #before: Before;

  private constructor(look: () => Promise<Review>, before: Before) {
    this.#look = look;
    this.#before = before;
  }

  static async begin(session: AgentSession, { review }: Pick<AgentMeans, 'review'>): Promise<ChangeWatch> {
    const look = () => review(session.id, AbortSignal.any([session.ending, AbortSignal.timeout(longestLookMs)]));
    const { workspace } = session.record.spec;
    if (workspace !== 'cow') return new ChangeWatch(look, { unknown: withoutLayer[workspace] });
    return new ChangeWatch(look, await look().then(marks, unknown));
  }

  /** Never rejects: the run has been, whatever can be told of it. */
  async end(): Promise<ChangedFiles> {
    const before = this.#before;
    if ('unknown' in before) return before;
    const after = await this.#look().catch(unknown);
    if ('unknown' in after) return after;
    const now = marks(after);
    const paths = [...new Set([...now.keys(), ...before.keys()])].filter((path) => now.get(path) !== before.get(path));
    const shown = paths.slice(0, mostPaths).map((path) => safeLine(path, 1000));
    return { paths: shown, total: paths.length, isComplete: after.isComplete };
  }
}

const withoutLayer = {
  rw: 'the agent wrote into the project itself, where nothing says what was there before',
  ro: 'the workspace is read-only',
  none: 'there is no workspace',
} as const;

function unknown(error: unknown): { readonly unknown: string } {
  return { unknown: `the session's changes could not be looked at (${toPaddockError(error).code})` };
}

/** Folders are left out: what is in them is there by itself. */
function marks({ changes }: Review): ReadonlyMap<string, string> {
  const isFile = ({ before, after }: Change) => (after ?? before)?.type !== 'folder';
  return new Map(changes.filter(isFile).map(({ path, kind, after }) => [path, `${kind} ${after?.stamp ?? ''}`]));
}
