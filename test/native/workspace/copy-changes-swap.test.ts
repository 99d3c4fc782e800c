import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { OpenFolder } from '../../../src/kit/open-folder.js';
import { copyChanges } from '../../../src/workspace/copy-changes.js';
import { Swapper, swapRounds } from '../../support/swapping.js';
import { builtInit, builtSupport } from '../init/support/compiled.js';
import { file, folder, Trees } from './support/trees.js';

const programs = { init: builtInit(), mark: builtSupport('test/native/workspace/support/mark.c') };
const names = Array.from({ length: 10 }, (_, at) => `file${at}`);
const filesWith = (content: string) => folder(Object.fromEntries(names.map((name) => [name, file(content)])));

/** What is in the regular files below a folder; no link is followed. */
function contentOf(path: string): readonly string[] {
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
    const below = join(path, entry.name);
    if (entry.isDirectory()) return contentOf(below);
    return entry.isFile() ? [readFileSync(below, 'utf8')] : [];
  });
}

it('gets nothing from outside into a copy of what was changed, whoever swaps folders of the project copy for links meanwhile', {
  timeout: 60_000 + 1000 * swapRounds,
}, async () => {
  using trees = new Trees(programs);
  trees.put('project', { kept: file('kept'), '../outside': filesWith('secret') });
  const copy = await trees.copied('copy');
  trees.put('copy/upper', { sub: filesWith('public') });
  await using swaps = new Swapper(join(trees.top, 'outside'), [join(copy.upper, 'sub')]);
  await swaps.begun();
  const signal = new AbortController().signal;
  const to = join(trees.top, 'out');
  const found = new Set<string>();
  for (let round = 0; round < swapRounds; round += 1) {
    mkdirSync(to);
    await using target = await OpenFolder.at(to);
    await copyChanges(copy, target, { program: programs.init, mostBytes: 1024 ** 2, mostEntries: 1000, signal });
    for (const content of contentOf(to)) found.add(content);
    rmSync(to, { recursive: true });
  }
  expect([...found]).toEqual(['public']);
});
