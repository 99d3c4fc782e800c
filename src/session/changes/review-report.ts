import { z } from 'zod';
import { safeLine } from '../../kit/safe-text.js';
import { eachInTurns, filterInTurns, mapInTurns, sortInTurns, Turns } from '../../kit/turns.js';
import { placeOf } from '../../policy/choose-changes.js';
import type { WithheldPlaces } from '../../policy/withheld.js';
import type { Withheld } from '../../workspace/apply/result.js';
import { type Change, cutReasons, type Review, refusals } from '../../workspace/changes/change.js';
import { fingerprintOf } from '../../workspace/changes/fingerprint.js';
import {
  type GitState,
  type GitView,
  gitFolderOf,
  gitOwnChanges,
  gitSilences,
} from '../../workspace/changes/git-view.js';

/** Of those that something was changed in of git's own, and of what is shown of all of that together. */
const mostRepositories = 20;
const mostNotable = 40;

const kinds = ['added', 'modified', 'deleted', 'renamed', 'mode'] as const;
const sideSchema = z.object({
  type: z.enum(['file', 'folder', 'link', 'other']),
  /** Permission bits in octal. */
  mode: z.string(),
  sizeBytes: z.number(),
  target: z.string().optional(),
});

/** Names of scripts are foreign text, and there can be any number of them. */
const mostFound = 8;
const mostFoundChars = 60;

/** One line of a review: a change, or a folder that is gone or ignored with all that was changed in it. */
export const reviewItemSchema = z.object({
  path: z.string(),
  kind: z.enum(kinds),
  from: z.string().optional(),
  before: sideSchema.optional(),
  after: sideSchema.optional(),
  git: z.enum(['tracked', 'untracked', 'ignored']).optional(),
  /** It can not be applied, and why. */
  refused: z.enum(refusals).optional(),
  /** It is applied only where it is named; the rule, of docs/withheld.md. */
  withheld: z.string().optional(),
  /** What is withheld of what is in it, such as `scripts.postinstall`; the first few. */
  withheldFor: z.array(z.string()).optional(),
  /** How many changes below this folder are not listed one by one, and how many of those are refused or withheld. */
  below: z.object({ count: z.number(), heldBack: z.number() }).optional(),
});
export type ReviewItem = z.output<typeof reviewItemSchema>;

export const reviewSummarySchema = z.object({
  sessionId: z.string(),
  /** Of the whole review; apply_changes takes it as `reviewed`. */
  fingerprint: z.string(),
  isComplete: z.boolean(),
  /** Why there may be more; empty where this is all. */
  incompleteBecause: z.array(z.string()),
  counts: z.object({ total: z.number(), ...Object.fromEntries(kinds.map((kind) => [kind, z.number()])) }),
  /** Size of the files that were added, modified or renamed, as they are now. */
  writtenBytes: z.number(),
  refused: z.number(),
  withheld: z.number(),
  /** Counts by what git has to do with a path, or why it says nothing. */
  git: z.union([
    z.object({ tracked: z.number(), untracked: z.number(), ignored: z.number() }),
    z.object({ unknown: z.string() }),
  ]),
  /** What was changed in `.git`, which is counted and not listed; of more repositories than 20 the outermost. */
  gitOwn: z.array(
    z.object({
      path: z.string(),
      count: z.number(),
      notable: z.array(z.object({ path: z.string(), kind: z.enum(kinds) })),
      notableCount: z.number(),
    }),
  ),
  /** In how many repositories something of git's own was changed, shown or not. */
  gitOwnCount: z.number(),
});
export type ReviewSummary = z.output<typeof reviewSummarySchema>;

/** One line, and the change that it stands for. */
export interface Reviewed {
  readonly item: ReviewItem;
  readonly change: Change;
  /** What is below it and not listed one by one. */
  readonly standsFor?: readonly Reviewed[];
}

export interface ReviewReport {
  readonly summary: ReviewSummary;
  readonly reviewed: readonly Reviewed[];
}

interface Surroundings {
  readonly sessionId: string;
  readonly git: GitView;
  readonly places: WithheldPlaces;
  /** What is withheld for what is in it. */
  readonly byContent: ReadonlyMap<Change, Withheld>;
  readonly signal: AbortSignal;
}

/** What a review comes to. `chosen`: the changes that are listed; where those are all, folders stand for what is below them. Others go on meanwhile. */
export async function reviewReport(
  review: Review,
  chosen: readonly Change[],
  surroundings: Surroundings,
): Promise<ReviewReport> {
  const { git, sessionId, signal } = surroundings;
  const states = 'states' in git ? git.states : new Map<string, GitState>();
  const turns = new Turns(signal);
  const all = await mapInTurns(chosen, turns, (change) => {
    return { change, item: itemOf(change, states.get(change.path), surroundings) };
  });
  const listed = await filterInTurns(all, turns, ({ change }) => gitFolderOf(change.path) === undefined);
  const summary: ReviewSummary = {
    ...{ sessionId, fingerprint: await fingerprintOf(review), isComplete: review.isComplete },
    incompleteBecause: review.cutBecause.map((reason) => cutReasons[reason]),
    counts: await countsOf(chosen, turns),
    ...(await heldCounts(all, turns)),
    git: 'because' in git ? { unknown: gitSilences[git.because] } : await gitCounts(listed, turns),
    ...(await gitOwnOf(chosen, turns)),
  };
  return { summary, reviewed: chosen.length === review.changes.length ? await folded(listed, turns) : listed };
}

/** How many changes there are, and of which kinds. */
export async function countsOf(changes: readonly Change[], turns = new Turns()) {
  const counts = { total: changes.length, added: 0, modified: 0, deleted: 0, renamed: 0, mode: 0 };
  await eachInTurns(changes, turns, ({ kind }) => {
    counts[kind] += 1;
  });
  return counts;
}

async function heldCounts(all: readonly Reviewed[], turns: Turns) {
  const counts = { writtenBytes: 0, refused: 0, withheld: 0 };
  await eachInTurns(all, turns, ({ change: { kind, after }, item }) => {
    if (kind !== 'mode') counts.writtenBytes += after?.sizeBytes ?? 0;
    if (item.refused !== undefined) counts.refused += 1;
    if (item.withheld !== undefined) counts.withheld += 1;
  });
  return counts;
}

/** A session makes folders of that name at no cost, so there may be any number of them. */
async function gitOwnOf(
  chosen: readonly Change[],
  turns: Turns,
): Promise<Pick<ReviewSummary, 'gitOwn' | 'gitOwnCount'>> {
  const depth = ({ path }: { readonly path: string }) => path.split('/').length;
  const all = await sortInTurns(await gitOwnChanges(chosen, turns), turns, (a, b) => depth(a) - depth(b));
  let left = mostNotable;
  const gitOwn = all.slice(0, mostRepositories).map((own) => {
    const notable = own.notable.slice(0, left);
    left -= notable.length;
    return { ...own, notable: [...notable] };
  });
  return { gitOwn, gitOwnCount: all.length };
}

async function gitCounts(reviewed: readonly Reviewed[], turns: Turns) {
  const counts = { tracked: 0, untracked: 0, ignored: 0 };
  await eachInTurns(reviewed, turns, ({ item }) => {
    if (item.git !== undefined) counts[item.git] += 1;
  });
  return counts;
}

function itemOf(change: Change, git: GitState | undefined, { places, byContent }: Surroundings): ReviewItem {
  const { path, kind, from, before, after, refused } = change;
  const held = byContent.get(change);
  const withheld = refused === undefined ? (places.verdictOn(placeOf(change))?.rule ?? held?.rule) : undefined;
  const withheldFor = held?.found.slice(0, mostFound).map((name) => safeLine(name, mostFoundChars));
  const side = (entry: Change['before']) => {
    if (entry === undefined) return undefined;
    const { type, mode, sizeBytes, target } = entry;
    return { type, mode: mode.toString(8).padStart(4, '0'), sizeBytes, ...(target === undefined ? {} : { target }) };
  };
  const optional = { from, before: side(before), after: side(after), git, refused, withheld, withheldFor };
  return { path, kind, ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)) };
}

interface Fold {
  readonly prefix: string;
  readonly kind: string;
  readonly below: { count: number; heldBack: number };
  readonly standsFor: Reviewed[];
}

/** A folder that is gone, or new and ignored, stands for all that is below it. */
async function folded(reviewed: readonly Reviewed[], turns: Turns): Promise<readonly Reviewed[]> {
  const lines: Reviewed[] = [];
  let top: Fold | undefined;
  await eachInTurns(reviewed, turns, (one) => {
    const { item, change } = one;
    if (top !== undefined && item.path.startsWith(top.prefix) && item.kind === top.kind) {
      top.below.count += 1;
      top.standsFor.push(one);
      if (item.refused !== undefined || item.withheld !== undefined) top.below.heldBack += 1;
      return;
    }
    const isGone = item.kind === 'deleted' && item.before?.type === 'folder';
    const isIgnored = item.kind === 'added' && item.after?.type === 'folder' && item.git === 'ignored';
    if (!isGone && !isIgnored) {
      lines.push(one);
      return;
    }
    const below = { count: 0, heldBack: 0 };
    const standsFor: Reviewed[] = [];
    top = { prefix: `${item.path}/`, kind: item.kind, below, standsFor };
    lines.push({ change, item: { ...item, below }, standsFor });
  });
  return lines;
}
