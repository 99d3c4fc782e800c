import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { PaddockError } from '../../src/core/errors.js';
import { systemClock } from '../../src/kit/clock.js';
import { mostOfTransfer } from '../../src/sandbox/files/transfer-bounds.js';
import { SessionChanges } from '../../src/session/changes/session-changes.js';
import { SessionReviews } from '../../src/session/changes/session-reviews.js';
import { SessionFiles } from '../../src/session/files.js';
import { requireLayer } from '../../src/session/layers.js';
import type { Session } from '../../src/session/session.js';
import type { SessionCommand } from '../../src/session/session-command.js';
import { SessionTransfers } from '../../src/session/transfers/session-transfers.js';
import { changesOf } from '../../src/workspace/changes/changes-of.js';
import type { Layer } from '../../src/workspace/changes/layer.js';
import { mostSwapRounds as mostRounds, swapRounds } from '../support/swapping.js';
import { engineKinds } from './support/engines.js';
import { builtInit, command, Stage, said } from './support/stage.js';

const { signal } = new AbortController();
const secret = 'of-the-host';
const names = ['file0', 'file1', 'file2', 'package.json'];
const places = ['race', 'deep/er/race'];

/** Swaps folders for links to one of the host, and back, as fast as it can; what it swaps is there before. */
const swapper = `
my ($outside, @places) = @ARGV;
symlink $outside, "$_.link" for @places;
for (;;) {
  for (@places) {
    rename $_, "$_.folder"; rename "$_.link", $_;
    rename $_, "$_.link"; rename "$_.folder", $_;
  }
}`;

/** All that is in a folder which nobody changes meanwhile, by its paths; of links where they lead. */
function contentOf(folder: string, path = ''): readonly string[] {
  return readdirSync(join(folder, path), { withFileTypes: true }).flatMap((entry) => {
    const own = join(path, entry.name);
    if (entry.isDirectory()) return [own, ...contentOf(folder, own)];
    return [entry.isFile() ? `${own} ${readFileSync(join(folder, own), 'utf8')}` : own];
  });
}

describe.each(engineKinds)('a process inside a session of a real rootless %s that swaps folders for links', (kind) => {
  let stage: Stage;
  let session: Session;
  let upper: string;
  let project: string;
  let outside: string;
  let before: readonly string[];
  let swapping: SessionCommand;

  beforeAll(async () => {
    stage = await Stage.open(kind);
    project = await stage.project();
    outside = join(stage.folder, 'outside');
    mkdirSync(outside);
    for (const name of names) writeFileSync(join(outside, name), JSON.stringify({ scripts: { [secret]: secret } }));
    before = contentOf(outside);
    session = await stage.create({ projectPath: project, workspace: 'cow', lifetime: '2h', keepChanges: false });
    upper = join(stage.store.layerFolder(session.id), 'upper');
    const fill = names.map((name) => `echo '{"scripts":{"a":"inside"}}' >"$f/${name}"`).join('; ');
    await said(session, `for f in ${places.join(' ')}; do mkdir -p $f; ${fill}; done`);
    swapping = await session.start(
      command(['/usr/bin/perl', '-e', swapper, outside, ...places], { timeoutMs: 3_600_000 }),
    );
  });
  beforeEach(() =>
    vi.waitUntil(() => lstatSync(join(upper, 'race'), { throwIfNoEntry: false })?.isSymbolicLink() === true, {
      ...{ interval: 1, timeout: 30_000 },
    }),
  );
  afterAll(async () => {
    await swapping.command.end('aborted');
    await swapping.settled;
    await stage[Symbol.asyncDispose]();
  });

  /** What the project has, which then has none of it: an overlay renames no folder that the project has as well. */
  function takeApplied(): readonly string[] {
    const content = contentOf(project);
    for (const path of ['race', 'deep']) rmSync(join(project, path), { recursive: true, force: true });
    return content;
  }

  const review = (layer: Layer) => changesOf(layer, { program: builtInit, signal });
  const parts = () => ({ ...{ audit: stage.audit, withhold: [], env: process.env, review }, places: stage.store });

  /** All that a review shows. */
  async function reviewed(): Promise<string> {
    const reviews = new SessionReviews({ ...parts(), layerOf: (id) => requireLayer(stage.store, id) });
    await using open = await reviews.open(session.id, [], signal);
    const diffs: unknown[] = [];
    for (const { change } of open.report.reviewed) diffs.push(await open.differ.diffOf(change));
    return JSON.stringify([open.report, diffs]);
  }

  /** What is read of it by the sandbox itself; errors are told, for they differ from moment to moment. */
  async function read(files: SessionFiles): Promise<readonly string[]> {
    const told = (error: unknown) => {
      if (error instanceof PaddockError) return error.code;
      throw error;
    };
    const whole = { offset: 0, mostBytes: 10_000 };
    return Promise.all(places.map((f) => files.read(`${f}/file0`, whole).then(({ bytes }) => bytes.toString(), told)));
  }

  // First: once something was applied, an overlay may rename the folders no more, and nothing is swapped.
  it('would have the host read, and written to, by whoever goes by paths', () => {
    const isLost = { reader: false, writer: false };
    for (let tries = 0; tries < 200_000 && !(isLost.reader && isLost.writer); tries += 1) {
      try {
        isLost.reader ||= readFileSync(join(upper, 'race/file0'), 'utf8').includes(secret);
        if (!isLost.writer) writeFileSync(join(upper, 'race/planted'), '');
        isLost.writer ||= readdirSync(outside).includes('planted');
      } catch {
        // Nothing is there between two swaps.
      }
    }
    expect(isLost).toEqual({ reader: true, writer: true });
    expect(contentOf(outside)).not.toEqual(before);
    rmSync(join(outside, 'planted'));
  });

  it(
    'has nothing of the host read or touched by review, apply, read_file and transfers',
    async () => {
      const changes = new SessionChanges(parts());
      const transfers = new SessionTransfers({
        ...{ audit: stage.audit, clock: systemClock, judgement: undefined, withhold: [], bounds: mostOfTransfer },
      });
      const files = new SessionFiles(session);
      const subject = { sessionId: session.id, run: files.run };
      const into = join(stage.folder, 'taken');
      const seen = { applied: 0, links: 0, read: 0 };
      const isAllSeen = () => Object.values(seen).every((count) => count > 0);
      // Which of these a round meets is left to chance: one that has not been met yet gets more of them.
      for (let round = 0; round < swapRounds || (!isAllSeen() && round < mostRounds); round += 1) {
        for (const name of ['race', 'deep']) rmSync(join(project, name), { recursive: true, force: true });
        const shown = await reviewed();
        expect(shown).not.toContain(secret);
        const { applied, left } = await changes.apply(session.id, { all: true }, signal);
        seen.applied += applied.filter(({ path }) => path.endsWith('file0')).length;
        seen.links += left.filter(({ path, why }) => places.includes(path) && why === 'link-out').length;
        const now = takeApplied();
        const got = await read(files);
        seen.read += got.filter((text) => text.includes('inside')).length;
        await transfers.out(subject, { path: '.', hostPath: into, overwrite: true, named: [] }, { signal });
        const all = JSON.stringify([shown, left, now, got, contentOf(into)]);
        expect(all).not.toContain(secret);
        expect(contentOf(outside)).toEqual(before);
      }
      expect(isAllSeen(), JSON.stringify(seen)).toBe(true);
    },
    120_000 + 3000 * mostRounds,
  );
});
