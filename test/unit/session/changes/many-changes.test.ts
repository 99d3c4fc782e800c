import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digest, digestOfList } from '../../../../src/audit/redaction.js';
import { OpenFolder } from '../../../../src/kit/open-folder.js';
import { newSessionId } from '../../../../src/kit/random-id.js';
import { Turns } from '../../../../src/kit/turns.js';
import { chooseChanges } from '../../../../src/policy/choose-changes.js';
import { WithheldPlaces } from '../../../../src/policy/withheld.js';
import { applyLayer } from '../../../../src/session/changes/apply-layer.js';
import { reportOf } from '../../../../src/session/changes/apply-report.js';
import { discardLayer } from '../../../../src/session/changes/discard-layer.js';
import { heldByContent } from '../../../../src/session/changes/held-by-content.js';
import { reviewReport } from '../../../../src/session/changes/review-report.js';
import { shownReview } from '../../../../src/session/changes/shown-review.js';
import { outcomesOf } from '../../../../src/workspace/apply/outcomes.js';
import { stepsFor } from '../../../../src/workspace/apply/plan.js';
import type { Change, Entry, Review } from '../../../../src/workspace/changes/change.js';
import { gitViewOf } from '../../../../src/workspace/changes/git-view.js';
import { Lanes } from '../../../../src/workspace/changes/lanes.js';
import type { ProjectGit } from '../../../../src/workspace/changes/project-git.js';
import { withRenames } from '../../../../src/workspace/changes/renames.js';
import { AtOnce } from '../../support/at-once.js';
import { Ground } from '../../workspace/apply/support/ground.js';
import { InMemoryAudit } from '../support/audit.js';

const { signal } = new AbortController();
const places = new WithheldPlaces();
const session = newSessionId();
const count = 6000;
/** Some eighty between two turns are looked at, each a few times: never all of them. */
const mostAtOnce = 1000;
const file: Entry = { type: 'file', mode: 0o644, sizeBytes: 3, stamp: 'a' };
const folder: Entry = { type: 'folder', mode: 0o755, sizeBytes: 0, stamp: 'b' };

describe('of very many changes only a few are judged at once, so that others have their turns', () => {
  let ground: Ground;
  let seen: AtOnce;
  beforeEach(() => {
    ground = new Ground();
    seen = new AtOnce();
  });
  afterEach(() => ground[Symbol.dispose]());

  const many = (of: (at: number) => Omit<Change, 'path'> & { path?: string }): readonly Change[] =>
    Array.from({ length: count }, (_, at) => {
      const { path = `d/f${at}`, ...rest } = of(at);
      return seen.noting(path, rest);
    });
  const added = () => many(() => ({ kind: 'added', after: file }));
  const whole = (changes: readonly Change[]): Review => ({ changes, isComplete: true, cutBecause: [] });
  const parts = (changes: readonly Change[]) => ({
    ...{ audit: new InMemoryAudit(), withhold: [], env: {}, review: () => Promise.resolve(whole(changes)) },
    removeLayer: undefined,
  });
  async function few(run: () => Promise<unknown>): Promise<void> {
    await seen.during(run);
    expect(seen.most).toBeGreaterThan(0);
    expect(seen.most).toBeLessThan(mostAtOnce);
  }

  it('when they are chosen', async () => {
    const choice = { paths: [], all: false, overwrite: ['d/f7'] };
    await few(() => chooseChanges(added(), choice, places, signal));
  });

  it('when it is looked for what was moved', async () => {
    const both = many((at) => (at % 2 === 0 ? { kind: 'added', after: file } : { kind: 'deleted', before: file }));
    await using upper = await OpenFolder.at(ground.upper);
    await using project = await OpenFolder.at(ground.project);
    const trees = { upper, project, lanes: new Lanes(4), turns: new Turns(), signal };
    await few(() => withRenames(both, trees));
  });

  it('when git is asked about them', async () => {
    const index = { has: (path: string) => path.endsWith('7'), modules: new Set() };
    const git = {
      top: () => Promise.resolve('/'),
      index: () => Promise.resolve(index),
      ignoredOf: () => Promise.resolve(['./d/f1']),
    };
    await few(() => gitViewOf(added(), git as unknown as ProjectGit, signal));
  });

  it('when they are withheld for what is in them', async () => {
    const changes = many((at) => ({ kind: 'added', after: file, path: `d${at}/package.json` }));
    await few(() => heldByContent(ground.layer, changes, places, signal));
  });

  it.each([
    ['new', one('added')],
    ['gone', one('deleted')],
    ['of git’s own', one('added', '.git/refs/')],
  ])('when a review tells of them: %s', async (_, of) => {
    const changes = many(of);
    const git = { states: new Map([['d/f1', 'tracked' as const]]) };
    const surroundings = { sessionId: 's', git, places, byContent: new Map(), signal };
    await few(() => reviewReport(whole(changes), changes, surroundings));
  });

  it('when they are discarded, and left out of what is shown', async () => {
    const changes = added();
    await few(() => discardLayer(session, ground.layer, {}, parts(changes), signal));
    await few(() => shownReview(ground.layer, whole(changes)));
    expect((await shownReview(ground.layer, whole(changes))).changes).toEqual([]);
  });

  it('when they are held against what was reviewed', async () => {
    const request = { reviewed: 'another', dry_run: true };
    const outdated = applyLayer(session, ground.layer, request, parts(added()), signal);
    await few(() => outdated.catch(() => undefined));
    await expect(outdated).rejects.toMatchObject({ code: 'REVIEW_OUTDATED' });
  });

  it('when it is planned how they are applied, and told what became of them', async () => {
    const ready = added().map((change) => ({ change, expect: null, expectFrom: null }));
    const standing = { missing: new Map(), atOf: () => '' };
    const happened = { staged: new Map(), left: new Map(), failed: new Map() };
    await few(async () => outcomesOf(ready, await stepsFor(ready, standing, new Turns()), happened));
    const outcomes = ready.map((_, at) => seen.noting(`f${at}`, { result: 'applied' } as const));
    await few(() => reportOf(outcomes, [], { sessionId: 's', dryRun: true, isComplete: true }));
  });

  it('when they are in a digest, which is that of the list', async () => {
    const list = added();
    await few(() => digestOfList(list));
    for (const one of [list, [], [[]], ['a', { b: 1, a: 'ü' }]]) expect(await digestOfList(one)).toEqual(digest(one));
    await expect(digestOfList([undefined])).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
  });
});

function one(kind: 'added' | 'deleted', top = 'd/') {
  return (at: number) => {
    const entry = at === 0 ? folder : file;
    const path = at === 0 ? top.slice(0, -1) : `${top}f${at}`;
    return { kind, path, ...(kind === 'added' ? { after: entry } : { before: entry }) };
  };
}
