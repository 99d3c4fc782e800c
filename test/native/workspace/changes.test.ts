import { execFileSync } from 'node:child_process';
import { chmodSync, lstatSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fingerprintOf } from '../../../src/workspace/changes/fingerprint.js';
import { builtInit, builtSupport } from '../init/support/compiled.js';
import { file, folder, gone, lines, link, opaque, Trees } from './support/trees.js';

const programs = { init: builtInit(), mark: builtSupport('test/native/workspace/support/mark.c') };

describe('the changes of a layer', () => {
  let trees: Trees;
  beforeEach(() => {
    trees = new Trees(programs);
  });
  afterEach(() => trees[Symbol.dispose]());

  it('are those of content, mode, link and kind, and not what was copied up and is the same', async () => {
    trees.put('project', {
      ...{ same: file('same'), content: file('old!'), longer: file('old'), mode: file('x'), link: link('same') },
      ...{ kind: file('was a file'), samelink: link('same'), src: folder({ untouched: file('1') }), closed: folder() },
    });
    trees.put('upper', {
      ...{
        same: file('same'),
        content: file('new!'),
        longer: file('older'),
        mode: file('x', 0o755),
        link: link('mode'),
      },
      ...{ kind: folder({ below: file('2') }), samelink: link('same'), src: folder(), closed: folder({}, 0o700) },
      ...{ new: folder({ empty: folder(), file: file('3') }) },
    });
    const review = await trees.review();
    expect(lines(review)).toEqual([
      ...['mode closed', 'modified content', 'modified kind', 'added kind/below', 'modified link', 'modified longer'],
      ...['mode mode', 'added new', 'added new/empty', 'added new/file'],
    ]);
    expect(review).toMatchObject({ isComplete: true, cutBecause: [] });
    expect(review.changes.find(({ path }) => path === 'link')).toMatchObject({
      before: { type: 'link', target: 'same', sizeBytes: 0 },
      after: { type: 'link', target: 'mode' },
    });
    expect(review.changes.find(({ path }) => path === 'mode')).toMatchObject({
      before: { type: 'file', mode: 0o644, sizeBytes: 1 },
      after: { type: 'file', mode: 0o755, sizeBytes: 1 },
    });
  });

  it('name everything that was in a folder that is gone, was emptied, or became something else', async () => {
    const full = () => folder({ one: file('1'), sub: folder({ two: file('22') }) });
    trees.put('project', { gone: full(), emptied: full(), file: full(), single: file('333') });
    trees.put('upper', {
      ...{ gone, emptied: opaque({ sub: folder({ three: file('4444') }) }), file: file('now a file'), single: gone },
      ...{ never: gone },
    });
    expect(lines(await trees.review())).toEqual([
      ...['deleted emptied/one', 'added emptied/sub/three', 'deleted emptied/sub/two'],
      ...['modified file', 'deleted file/one', 'deleted file/sub', 'deleted file/sub/two'],
      ...['deleted gone', 'deleted gone/one', 'deleted gone/sub', 'deleted gone/sub/two', 'deleted single'],
    ]);
  });

  it('know a file that has another place by its content, the one of the same name first, and none that is empty', async () => {
    trees.put('project', {
      a: file('same'),
      b: file('same'),
      other: file('samE'),
      empty: file(''),
      dir: folder({ x: file('x1') }),
    });
    trees.put('upper', {
      ...{
        a: gone,
        b: gone,
        other: gone,
        empty: gone,
        dir: gone,
        to: folder({ b: file('same', 0o755), c: file('same') }),
      },
      ...{ third: file('same'), blank: file(''), moved: folder({ x: file('x1') }) },
    });
    const review = await trees.review();
    expect(lines(review)).toEqual([
      ...['added blank', 'deleted dir', 'deleted empty', 'added moved', 'renamed moved/x from dir/x', 'deleted other'],
      ...['renamed third from a', 'added to', 'renamed to/b from b', 'added to/c'],
    ]);
    expect(review.changes.find(({ from }) => from === 'b')).toMatchObject({
      before: { mode: 0o644 },
      after: { mode: 0o755 },
    });
  });

  it('say what can never be applied, and why', async () => {
    trees.put('project', { src: folder({ deep: folder() }) });
    trees.put('upper', {
      'line\nbreak': file('1'),
      '\u202egpj.exe': folder({ inside: file('2') }),
      'می\u200cخواهم': file('3'),
      src: folder({
        ...{
          passwd: link('/etc/passwd'),
          up: link('../..'),
          deep: folder({ inside: link('../../src'), out: link('../../../x') }),
        },
        ...{ detour: link('deep/../..'), beside: link('./deep/x') },
      }),
    });
    const upper = trees.layer.upper;
    execFileSync('mkfifo', [join(upper, 'fifo')]);
    writeFileSync(Buffer.concat([Buffer.from(`${upper}/a`), Buffer.from([0xff])]), '');
    expect(lines(await trees.review())).toEqual([
      ...[
        'added \\u{202e}gpj.exe (name)',
        'added \\u{202e}gpj.exe/inside (name)',
        'added a\\xff (name)',
        'added fifo (type)',
      ],
      ...['added line\\u{a}break (name)', 'added src/beside', 'added src/deep/inside', 'added src/deep/out (link-out)'],
      ...[
        'added src/detour (link-out)',
        'added src/passwd (link-out)',
        'added src/up (link-out)',
        'added می\u200cخواهم',
      ],
    ]);
  });

  it.skipIf(process.getuid?.() === 0)(
    'take nothing for gone that lies in a folder which can only be listed',
    async () => {
      trees.put('project', { dir: folder({ kept: file('1') }) });
      trees.put('upper', { dir: opaque({ fresh: file('2') }) });
      chmodSync(join(trees.layer.upper, 'dir'), 0o444);
      const { isComplete, changes } = await trees.review();
      chmodSync(join(trees.layer.upper, 'dir'), 0o755);
      expect([isComplete, changes.filter(({ kind }) => kind === 'deleted')]).toEqual([false, []]);
    },
  );

  it('are cut where a tree is endless, without taking what was not looked at for gone', async () => {
    trees.put('project', { dir: folder({ kept: file('1'), more: file('2') }) });
    const deep = ['dir', ...Array<string>(200).fill('deeper')].reduceRight(
      (below, name) => ({ [name]: folder(below) }),
      {},
    );
    trees.put('upper', deep);
    execFileSync(programs.mark, ['opaque', join(trees.layer.upper, 'dir')]);
    const whole = await trees.review();
    expect(whole).toMatchObject({ isComplete: false, cutBecause: ['depth'] });
    expect(lines(whole).filter((line) => line.startsWith('deleted'))).toEqual(['deleted dir/kept', 'deleted dir/more']);
    expect(whole.changes.length).toBe(2 + 127);
    const few = await trees.review({ mostEntries: 3 });
    expect(few).toMatchObject({ isComplete: false, cutBecause: ['entries'] });
    expect(lines(few)).toEqual(['added dir/deeper', 'added dir/deeper/deeper']);
  });

  it('are cut where more of the project is gone than is listed', async () => {
    const names = Array.from({ length: 30 }, (_, i) => [`f${i}`, file('')] as const);
    trees.put('project', { all: folder(Object.fromEntries(names)) }).put('upper', { all: gone });
    const review = await trees.review({ mostEntries: 10 });
    expect(review).toMatchObject({ isComplete: false, cutBecause: ['entries'] });
    expect(review.changes.length).toBe(11);
  });

  it('have a fingerprint that is the same until either side changes', async () => {
    trees.put('project', { a: file('1'), b: file('2') }).put('upper', { a: file('one'), b: file('two') });
    const first = await fingerprintOf(await trees.review());
    expect(await fingerprintOf(await trees.review())).toBe(first);
    const changed = [];
    for (const path of [join(trees.layer.upper, 'a'), join(trees.layer.project.source, 'b')]) {
      // Even to what it was.
      renameSync(path, `${path}.old`);
      writeFileSync(path, path.endsWith('a') ? 'one' : '2');
      rmSync(`${path}.old`);
      changed.push(await fingerprintOf(await trees.review()));
    }
    expect(new Set([first, ...changed]).size).toBe(3);
  });

  it('wait for the tick of the clock to be over in which something was written', async () => {
    trees.put('project', { a: file('1') }).put('upper', { a: file('22'), c: link('a') });
    const writtenMs = lstatSync(join(trees.layer.upper, 'c')).ctimeMs;
    let passedMs = 0;
    const sleep = (ms: number) => {
      passedMs += ms;
      return Promise.resolve();
    };
    const clock = { now: () => writtenMs + passedMs, monotonic: () => passedMs, sleep };
    const fresh = await fingerprintOf(await trees.review({ clock }));
    expect(passedMs).toBeGreaterThanOrEqual(50);
    expect(await fingerprintOf(await trees.review())).toBe(fresh);
  });

  it('are not told where the project, the layer or paddock-init is another or none', async () => {
    trees.put('upper', { a: file('1') });
    await expect(trees.review({ program: '/nowhere/paddock-init' })).rejects.toMatchObject({ code: 'INIT_MISSING' });
    await expect(trees.review({ program: '/bin/false' })).rejects.toMatchObject({ code: 'CHANGES_UNREADABLE' });
    await expect(trees.review({ program: '/bin/echo' })).rejects.toMatchObject({ code: 'CHANGES_UNREADABLE' });
    await expect(trees.review({ signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
    const { source } = trees.layer.project;
    renameSync(source, `${source}2`);
    await expect(trees.review()).rejects.toMatchObject({ code: 'CHANGES_UNREADABLE' });
    mkdirSync(source);
    await expect(trees.review()).rejects.toThrow('another folder');
    rmSync(source, { recursive: true });
    renameSync(`${source}2`, source);
    rmSync(trees.layer.upper, { recursive: true });
    await expect(trees.review()).rejects.toThrow('not there any more');
    mkdirSync(trees.layer.upper);
    expect(await trees.review()).toEqual({ changes: [], isComplete: true, cutBecause: [] });
  });
});
