import { toPaddockError } from '../../core/errors.js';
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
    const asked = changes.filter(({ path, refused }) => refused !== 'name' && gitFolderOf(path) === undefined);
    return { states: await statesOf(asked, git) };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof GitEnded) return { because: error.status === 128 ? 'no-repository' : 'failed' };
    if (error instanceof Error && 'code' in error) return { because: error.code === 'ENOENT' ? 'no-git' : 'failed' };
    throw toPaddockError(error);
  }
}

async function statesOf(changes: readonly Change[], git: ProjectGit): Promise<ReadonlyMap<string, GitState>> {
  const index = await git.index();
  const links = changes.filter(({ before }) => before?.type === 'link').map(({ path }) => path);
  // Git ends when it is asked about what lies beyond one of them.
  const beyond = new Set([...index.modules, ...links]);
  const tracked = new Set(changes.filter(({ path }) => index.has(path)));
  const others = changes.filter((change) => !tracked.has(change) && !isBelow(change.path, beyond));
  const asked = others.map(({ path, after }) => `./${path}${after?.type === 'folder' ? '/' : ''}`);
  const ignored = new Set((await git.ignoredOf(asked)).map((path) => path.replace(/^\.\/|\/$/g, '')));
  return new Map([
    ...[...tracked].map(({ path }) => [path, 'tracked'] as const),
    ...others.map(({ path }) => [path, ignored.has(path) ? 'ignored' : 'untracked'] as const),
  ]);
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
export function gitOwnChanges(changes: readonly Change[]): readonly GitOwnChanges[] {
  const groups = new Map<string, Change[]>();
  for (const change of changes) {
    const top = gitFolderOf(change.path);
    if (top !== undefined) getOrAdd(groups, top).push(change);
  }
  return [...groups].map(([path, all]) => {
    const inside = (change: Change) => change.path.slice(path.length + 1);
    const isThing = ({ before, after }: Change) => (after ?? before)?.type !== 'folder';
    const notable = notableParts.flatMap((part) =>
      all.filter((change) => isThing(change) && part.test(inside(change))),
    );
    const shown = notable.slice(0, mostNotable).map((change) => ({ path: change.path, kind: change.kind }));
    return { path, count: all.length, notable: shown, notableCount: notable.length };
  });
}

function getOrAdd(groups: Map<string, Change[]>, key: string): Change[] {
  const group = groups.get(key) ?? [];
  groups.set(key, group);
  return group;
}
