import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { EngineKind } from '../src/engine/types.js';
import { systemClock } from '../src/kit/clock.js';
import { SessionCopies } from '../src/session/changes/session-copies.js';
import { SessionReviews } from '../src/session/changes/session-reviews.js';
import { requireLayer } from '../src/session/layers.js';
import type { Session } from '../src/session/session.js';
import { Snapshots } from '../src/session/snapshots.js';
import { pageFrom, pageKey, readCursor } from '../src/tools/review-page.js';
import { changesOf } from '../src/workspace/changes/changes-of.js';
import { engineKinds } from '../test/engine/support/engines.js';
import { Stage, said } from '../test/engine/support/stage.js';
import { changeCount, changes, intoGit, large, plant, small } from './projects.js';
import { quiet } from './quiet.js';
import { percentile, tenths, timed } from './statistics.js';

/**
 * npm run bench:workspaces [ROUNDS] -- starts, reviews and forks of copy-on-write sessions over a project of 1 GB in 100,000 files, and over a
 * small one, in turn; without git, and in a git work tree. Needs `npm run build`, and 2 GB of disk in the home of the user.
 */
interface Pair {
  readonly small: number[];
  readonly large: number[];
}
type Side = keyof Pair;

const sides: readonly Side[] = ['small', 'large'];
const { signal } = new AbortController();
const request = { workspace: 'cow', memory: '256m', lifetime: '30m', keepChanges: false } as const;
const none = (): Pair => ({ small: [], large: [] });

interface Bench {
  readonly stage: Stage;
  readonly reviews: SessionReviews;
  readonly copies: SessionCopies;
  readonly rounds: number;
}

function open(stage: Stage, rounds: number): Bench {
  const { store, audit, policy } = stage;
  const { source: program } = stage.maker.init;
  const snapshots = new Snapshots({ folder: join(stage.folder, 'snapshots'), program, clock: systemClock, audit });
  const reviews = new SessionReviews({
    ...{ layerOf: (id: string) => requireLayer(store, id), withhold: [], env: process.env },
    review: (layer, by) => changesOf(layer, { program, signal: by }),
  });
  const copies = new SessionCopies({ store, snapshots, limits: policy, program, clock: systemClock });
  return { stage, reviews, copies, rounds };
}

/** Both sides in turn; the other one first in every second round. A first round is for what has to be loaded and compiled. */
async function inTurn(rounds: number, one: (side: Side, into: number[]) => Promise<void>): Promise<Pair> {
  const pair = none();
  for (let round = -1; round < rounds; round += 1) {
    for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
      await quiet();
      await one(side, round < 0 ? [] : pair[side]);
    }
  }
  return pair;
}

async function starts({ stage, rounds }: Bench, projects: Record<Side, string>): Promise<Pair> {
  return inTurn(rounds, async (side, into) => {
    const session = await timed(into, () => stage.create({ ...request, projectPath: projects[side] }));
    await stage.sessions.destroy(session.id);
  });
}

/** As the tool answers: what was changed, judged, told apart by git, and the first page of it. */
async function reviewed({ reviews, rounds }: Bench, sessions: Record<Side, Session>): Promise<Pair> {
  return inTurn(rounds, async (side, into) => {
    const found = await timed(into, async () => {
      await using review = await reviews.open(sessions[side].id, [], signal);
      await pageFrom(review, readCursor(undefined, pageKey(review, [], false)), false, signal);
      return review.report.summary;
    });
    if (found.counts.total !== changeCount || !found.isComplete) throw new Error(`found ${found.counts.total} changes`);
  });
}

async function forks({ stage, copies, rounds }: Bench, sessions: Record<Side, Session>): Promise<Pair> {
  return inTurn(rounds, async (side, into) => {
    const fork = await timed(into, async () => {
      const { request: same, origin } = await copies.startFork(sessions[side].id);
      return stage.sessions.create(same, signal, { origin });
    });
    await stage.sessions.destroy(fork.id);
  });
}

function row(operation: string, pair: Pair): string {
  const [few, many] = sides.map((side) => percentile(pair[side], 50)) as [number, number];
  const text = sides.map((side) => `${tenths(percentile(pair[side], 50))} / ${tenths(percentile(pair[side], 99))}`);
  return `| ${operation} | ${pair.large.length} | ${text.join(' | ')} | ${Math.round((many / few) * 100) / 100} |`;
}

async function measure(bench: Bench, projects: Record<Side | 'empty', string>, how: string): Promise<void> {
  const { stage } = bench;
  const begun = await starts(bench, { ...projects, small: projects.empty });
  console.log(row(`start, ${how}; over an empty project and over 100,000 files`, begun));
  const made = sides.map(async (side) => {
    const session = await stage.create({ ...request, projectPath: projects[side] });
    await said(session, changes);
    return [side, session] as const;
  });
  const sessions = Object.fromEntries(await Promise.all(made)) as Record<Side, Session>;
  console.log(
    row(`review of ${changeCount} changes, ${how}; in 1,000 files and in 100,000`, await reviewed(bench, sessions)),
  );
  console.log(
    row(`fork with ${changeCount} changes, ${how}; in 1,000 files and in 100,000`, await forks(bench, sessions)),
  );
  for (const { id } of Object.values(sessions)) await stage.sessions.destroy(id);
}

async function main(kind: EngineKind, rounds: number): Promise<void> {
  await using stage = await Stage.open(kind);
  const path = (name: string) => join(stage.folder, name);
  const projects = { empty: path('empty'), small: path('small'), large: path('large') };
  for (const project of Object.values(projects)) mkdirSync(project);
  plant(projects.small, small);
  plant(projects.large, large);
  const bench = open(stage, rounds);
  const { version } = stage.engine.identity;
  console.log(
    `\n${kind} ${version}\n\n| operation | n | small p50 / p99 ms | large p50 / p99 ms | ratio of p50 |\n|---|---|---|---|---|`,
  );
  await measure(bench, projects, 'no git');
  for (const project of Object.values(projects)) await intoGit(project);
  await measure(bench, projects, 'git');
}

for (const kind of engineKinds) await main(kind, Number(process.argv[2] ?? 10));
