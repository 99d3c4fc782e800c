import { toPaddockError } from '../../core/errors.js';
import { eachInTurns, filterInTurns, mapInTurns, Turns } from '../../kit/turns.js';
import type { Change } from './change.js';
import { GitEnded, type ProjectGit } from './project-git.js';

/** What git has to do with a path: by the project's own index and .gitignore, never by those that a session wrote. */
export type GitState = 'tracked' | 'untracked' | 'ignored';

/** Why git says nothing. */
export const gitSilences = {
  'no-git': 'git is not installed on this host',
  'no-repository': 'the project is not in a git repository',
  failed: 'git could not read the repository of the project',
} as const;

export type GitView =
  | { readonly states: ReadonlyMap<string, GitState> }
  | { readonly because: keyof typeof gitSilences };

/** Asks the host's git about the paths of changes, outside of `.git` itself. Errors: an AbortError. */
export async function gitViewOf(changes: readonly Change[], git: ProjectGit, signal: AbortSignal): Promise<GitView> {
  try {
    if ((await git.top()) === undefined) return { because: 'no-repository' };
    const isAsked = ({ path, refused }: Change) => refused !== 'name' && gitFolderOf(path) === undefined;
    const turns = new Turns(signal);
    return { states: await statesOf(await filterInTurns(changes, turns, isAsked), git, turns) };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof GitEnded) return { because: error.status === 128 ? 'no-repository' : 'failed' };
    if (error instanceof Error && 'code' in error) return { because: error.code === 'ENOENT' ? 'no-git' : 'failed' };
    throw toPaddockError(error);
  }
}

async function statesOf(
  changes: readonly Change[],
  git: ProjectGit,
  turns: Turns,
): Promise<ReadonlyMap<string, GitState>> {
  const index = await git.index();
  // Git ends when it is asked about what lies beyond one of them.
  const beyond = new Set(index.modules);
  const states = new Map<string, GitState>();
  await eachInTurns(changes, turns, ({ path, before }) => {
    if (before?.type === 'link') beyond.add(path);
    if (index.has(path)) states.set(path, 'tracked');
  });
  const others = await filterInTurns(changes, turns, ({ path }) => !states.has(path) && !isBelow(path, beyond));
  const asked = await mapInTurns(others, turns, ({ path, after }) => `./${path}${after?.type === 'folder' ? '/' : ''}`);
  const ignored = new Set(await mapInTurns(await git.ignoredOf(asked), turns, (one) => one.replace(/^\.\/|\/$/g, '')));
  await eachInTurns(others, turns, ({ path }) => states.set(path, ignored.has(path) ? 'ignored' : 'untracked'));
  return states;
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

function isBelow(path: string, tops: ReadonlySet<string>): boolean {
  for (let folder = parentOf(path); folder !== ''; folder = parentOf(folder)) if (tops.has(folder)) return true;
  return false;
}

/** The `.git` that a path is in, or is, whatever the case; undefined outside of any. */
export function gitFolderOf(path: string): string | undefined {
  return /^(?:.*?\/)?\.git(?=\/|$)/i.exec(path)?.[0];
}

/** What was changed of one repository's own. */
export interface GitOwnChanges {
  /** Where it is: `.git`, or that of a repository inside the project. */
  readonly path: string;
  readonly count: number;
  /** What git runs or goes by: hooks, settings, refs. At most 20, those it runs first. */
  readonly notable: readonly { readonly path: string; readonly kind: Change['kind'] }[];
  readonly notableCount: number;
}

const mostNotable = 20;
/** First what git runs, then what says what it is on. */
const notableParts = [
  /^(modules\/.*)?(hooks\/[^/]+|config|config\.worktree|info\/attributes)$/,
  /^(HEAD|packed-refs|refs\/.+)$/,
];

/** The changes below each `.git`, which are counted and never shown one by one. */
export async function gitOwnChanges(changes: readonly Change[], turns: Turns): Promise<readonly GitOwnChanges[]> {
  const all = new Map<string, OwnCount>();
  await eachInTurns(changes, turns, (change) => {
    const path = gitFolderOf(change.path);
    if (path === undefined) return;
    const own = all.get(path) ?? { count: 0, notable: notableParts.map(() => []), notableCount: 0 };
    all.set(path, own);
    count(own, change, change.path.slice(path.length + 1));
  });
  return mapInTurns(all, turns, ([path, { notable, ...counts }]) => {
    return { path, ...counts, notable: notable.flat().slice(0, mostNotable) };
  });
}

interface OwnCount {
  count: number;
  /** The first of each part. */
  readonly notable: { readonly path: string; readonly kind: Change['kind'] }[][];
  notableCount: number;
}

function count(own: OwnCount, { path, kind, before, after }: Change, inside: string): void {
  own.count += 1;
  const part = (after ?? before)?.type === 'folder' ? -1 : notableParts.findIndex((one) => one.test(inside));
  if (part < 0) return;
  own.notableCount += 1;
  const shown = own.notable[part];
  if (shown !== undefined && shown.length < mostNotable) shown.push({ path, kind });
}
