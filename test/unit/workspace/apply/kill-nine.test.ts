import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, lstatSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recoverApply } from '../../../../src/workspace/apply/recover.js';
import type { Change } from '../../../../src/workspace/changes/change.js';
import { compile } from './support/compiled.js';
import { Ground, treeOf } from './support/ground.js';

const count = Number(process.env['PADDOCK_APPLY_ROUNDS'] ?? 6);

/** Everything with its permissions. */
function stateOf(top: string): Record<string, string> {
  const tree = treeOf(top);
  return Object.fromEntries(
    Object.entries(tree).map(([path, is]) => [path, `${lstatSync(join(top, path)).mode.toString(8)} ${is}`]),
  );
}

const modesIn = (state: Record<string, string> = {}) =>
  Object.fromEntries(Object.entries(state).map(([path, is]) => [path, is.split(' ')[0]]));
const modesOf = (top: string) => modesIn(stateOf(top));

const some = (kind: string) => Array.from({ length: 8 }, (_, index) => `${kind}/${index}`);
const filled = (paths: readonly string[], text: string) =>
  Object.fromEntries(paths.map((path) => [path, text.repeat(3000)]));

/** Some fifty changes of all kinds. */
function fill(ground: Ground): readonly Change[] {
  ground.host({
    ...filled([...some('changed'), ...some('removed'), ...some('moved'), ...some('mode')], 'old'),
    ...{ 'tofolder/0': 'f', 'tofile/in/side': 's', 'tolink/0': 'x', link: { to: 'changed' } },
  });
  ground.session({
    ...filled([...some('changed'), ...some('added/new/deep')], 'new'),
    ...filled([...some('elsewhere'), ...some('mode')], 'old'),
    ...{ 'tofolder/0/below': 'b', tofile: 'now a file', 'tolink/0': { to: '../mode/0' }, link: { to: 'mode' } },
  });
  for (const path of some('mode')) chmodSync(join(ground.upper, path), 0o711);
  const each = (kind: Change['kind'], paths: readonly string[]) => paths.map((path) => ground.change(kind, path));
  return [
    ...each('added', [
      'added',
      'added/new',
      'added/new/deep',
      ...some('added/new/deep'),
      'elsewhere',
      'tofolder/0/below',
    ]),
    ...each('modified', [...some('changed'), 'tofolder/0', 'tofile', 'tolink/0', 'link']),
    ...each('deleted', ['removed', ...some('removed'), 'moved', 'tofile/in', 'tofile/in/side']),
    ...some('elsewhere').map((path, index) => ground.change('renamed', path, `moved/${index}`)),
    ...each('mode', some('mode')),
  ];
}

function noteDown(ground: Ground, changes: readonly Change[]): string {
  const file = join(ground.top, 'note');
  const { sinceNs, ...layer } = ground.layer;
  writeFileSync(file, JSON.stringify({ layer: { ...layer, sinceNs: String(sinceNs) }, changes }));
  return file;
}

describe(`kill -9 during an apply, ${count} times`, () => {
  let folder: string;
  let program: string;
  let steps = 0;
  let afterFolders: readonly number[] = [];
  let tookMs = 0;
  let [old, fresh]: Record<string, string>[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'paddock-apply-child-'));
    program = compile(folder, 'apply-child.ts');
    using ground = new Ground();
    const file = noteDown(ground, fill(ground));
    old = stateOf(ground.project);
    const child = spawn(process.execPath, [program, file], { stdio: ['ignore', 'pipe', 'inherit'] });
    const said: string[] = [];
    let beganMs = 0;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (beganMs === 0) beganMs = performance.now();
      said.push(text);
    });
    await once(child, 'close');
    tookMs = performance.now() - beganMs;
    const [, counted, noted = '[]'] = said.join('').split('\n');
    steps = Number(counted);
    afterFolders = JSON.parse(noted) as number[];
    fresh = stateOf(ground.project);
  }, 60_000);
  afterAll(() => rmSync(folder, { recursive: true }));

  it('has something to interrupt', () => {
    expect(steps).toBeGreaterThan(200);
    expect(afterFolders.length).toBeGreaterThan(3);
    expect(Object.keys(fresh ?? {}).filter((path) => path.startsWith('added/'))).toHaveLength(10);
    expect(fresh).not.toEqual(old);
  });

  it('gives a folder its permissions of which nobody came to note that it was made', { timeout: 60_000 }, async () => {
    for (const last of afterFolders) {
      using ground = new Ground();
      const file = noteDown(ground, fill(ground));
      const child = spawn(process.execPath, [program, file, String(last)], { stdio: 'ignore' });
      await once(child, 'close');
      expect(await recoverApply(ground.layer)).toBe('finished');
      expect(modesOf(ground.project), `before step ${last}`).toEqual(modesIn(fresh));
    }
  });

  it('leaves all as it was, or all as it is to be, and nothing else', { timeout: 300_000 }, async () => {
    const seen = { old: 0, fresh: 0 };
    for (let round = 0; round < count; round += 1) {
      using ground = new Ground();
      const file = noteDown(ground, fill(ground));
      // Between any two things that it does, or at any time.
      const last = round % 2 === 0 ? 1 + Math.floor(Math.random() * steps) : 0;
      const child = spawn(process.execPath, [program, file, String(last)], { stdio: ['ignore', 'pipe', 'inherit'] });
      const closed = once(child, 'close');
      if (last === 0) {
        await once(child.stdout, 'data');
        await sleep(Math.random() * tookMs);
        child.kill('SIGKILL');
      } else child.stdout.resume();
      await closed;
      await recoverApply(ground.layer);
      const state = stateOf(ground.project);
      const which = JSON.stringify(state) === JSON.stringify(old) ? 'old' : 'fresh';
      expect(state, `round ${round}, before step ${last}`).toEqual(which === 'old' ? old : fresh);
      seen[which] += 1;
      expect(readdirSync(join(ground.top, 'layer')).filter((name) => name !== 'applied.jsonl')).toEqual(['upper']);
    }
    expect(seen.old + seen.fresh).toBe(count);
  });
});
