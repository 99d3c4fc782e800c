import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Ground, put } from './support/ground.js';

describe('applying the changes of a layer', () => {
  let ground: Ground;
  beforeEach(() => {
    ground = new Ground();
  });
  afterEach(() => ground[Symbol.dispose]());

  const leftOf = async (...args: Parameters<Ground['apply']>) =>
    (await ground.apply(...args)).map(({ path, result, conflict }) => [path, conflict ?? result].join(' '));

  it('makes every kind of change, and leaves nothing else behind', async () => {
    ground.host({
      changed: 'old',
      removed: 'x',
      moved: 'm',
      mode: 'k',
      link: { to: 'changed' },
      'd/deep/one': '1',
      plain: 'p',
    });
    ground.session({
      changed: 'new',
      'e/f/added': 'a',
      'd/moved': 'm',
      mode: 'k',
      link: { to: 'mode' },
      lnk: { to: 'd/moved' },
    });
    chmodSync(join(ground.upper, 'mode'), 0o4751);
    chmodSync(join(ground.upper, 'e'), 0o2710);
    const outcomes = await ground.apply([
      ground.change('modified', 'changed'),
      ground.change('deleted', 'd/deep'),
      ground.change('deleted', 'd/deep/one'),
      ground.change('renamed', 'd/moved', 'moved'),
      ground.change('added', 'e'),
      ground.change('added', 'e/f'),
      ground.change('added', 'e/f/added'),
      ground.change('modified', 'link'),
      ground.change('added', 'lnk'),
      ground.change('mode', 'mode'),
      ground.change('deleted', 'removed'),
    ]);
    expect(outcomes.map(({ result }) => result)).toEqual(Array(11).fill('applied'));
    expect(ground.tree()).toEqual({
      ...{ changed: 'new', d: 'folder/', 'd/moved': 'm', e: 'folder/', 'e/f': 'folder/', 'e/f/added': 'a' },
      ...{ link: '-> mode', lnk: '-> d/moved', mode: 'k', plain: 'p' },
    });
    expect(ground.mode('mode')).toBe(0o751);
    expect(ground.mode('e')).toBe(0o710);
    expect(readdirSync(join(ground.top, 'layer')).sort()).toEqual(['applied.jsonl', 'upper']);
  });

  it('says what was put by its digest and its size', async () => {
    ground.session({ file: 'abc' });
    expect(await ground.apply([ground.change('added', 'file')])).toEqual([
      {
        ...{ path: 'file', result: 'applied', sizeBytes: 3 },
        sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
      },
    ]);
  });

  it('turns files into folders, folders into files and links into either', async () => {
    ground.host({ file: 'f', 'folder/in/side': 's', link: { to: 'file' }, 'was/one': '1' });
    ground.session({ 'file/below': 'b', folder: 'now a file', 'link/below': 'b', was: { to: 'folder' } });
    const changes = [
      ...['file', 'folder', 'link', 'was'].map((path) => ground.change('modified', path)),
      ...['file/below', 'link/below'].map((path) => ground.change('added', path)),
      ...['folder/in', 'folder/in/side', 'was/one'].map((path) => ground.change('deleted', path)),
    ];
    expect((await ground.apply(changes)).map(({ result }) => result)).toEqual(Array(9).fill('applied'));
    expect(ground.tree()).toEqual({
      ...{
        file: 'folder/',
        'file/below': 'b',
        folder: 'now a file',
        link: 'folder/',
        'link/below': 'b',
        was: '-> folder',
      },
    });
  });

  it('loses nothing where a move has no place to go to', async () => {
    ground.host({ a: 'content' });
    ground.session({ 'a/b': 'content' });
    expect(await leftOf([ground.change('renamed', 'a/b', 'a')])).toEqual(['a/b parent']);
    expect(ground.tree()).toEqual({ a: 'content' });
  });

  it('applies only what is chosen, and makes the folders that it lies in', async () => {
    ground.session({ 'a/b/one': '1', 'a/b/two': '2', other: 'x' });
    chmodSync(join(ground.upper, 'a'), 0o700);
    const all = ['a', 'a/b', 'a/b/one', 'a/b/two', 'other'].map((path) => ground.change('added', path));
    await ground.apply([all[2]!], { all });
    expect(ground.tree()).toEqual({ a: 'folder/', 'a/b': 'folder/', 'a/b/one': '1' });
    expect(ground.mode('a')).toBe(0o700);
  });

  it('copies what has several names, and leaves nothing linked to the layer', async () => {
    ground.session({ one: 'x' });
    linkSync(join(ground.upper, 'one'), join(ground.upper, 'two'));
    await ground.apply([ground.change('added', 'one'), ground.change('added', 'two')]);
    expect([lstatSync(join(ground.project, 'one')).nlink, lstatSync(join(ground.project, 'two')).nlink]).toEqual([
      1, 1,
    ]);
  });

  it('only looks with dry', async () => {
    ground.host({ a: 'old', gone: 'x' });
    ground.session({ a: 'new' });
    const before = ground.tree();
    expect(await leftOf([ground.change('modified', 'a'), ground.change('deleted', 'gone')], { isDry: true })).toEqual([
      'a applied',
      'gone applied',
    ]);
    expect(ground.tree()).toEqual(before);
    expect(readdirSync(join(ground.top, 'layer'))).toEqual(['upper']);
  });

  describe('where the project has changed', () => {
    it('leaves alone what changed since the review, and applies the rest', async () => {
      ground.host({ a: 'old', b: 'old', c: 'old', d: 'old' });
      ground.session({ a: 'new', b: 'new', d: 'new' });
      const changes = [
        ...['a', 'b', 'd'].map((path) => ground.change('modified', path)),
        ground.change('deleted', 'c'),
      ];
      writeFileSync(join(ground.project, 'a'), 'host');
      rmSync(join(ground.project, 'd'));
      writeFileSync(join(ground.project, 'c'), 'host');
      expect(await leftOf(changes)).toEqual(['a changed-outside', 'd gone', 'c changed-outside', 'b applied']);
      expect(ground.tree()).toEqual({ a: 'host', b: 'new', c: 'host' });
    });

    it('leaves alone what the host changed while the session saw it, even if the review came later', async () => {
      ground.host({ a: 'old' });
      ground.session({ a: 'new' });
      writeFileSync(join(ground.project, 'a'), 'host');
      // Whoever sets times back can not do it to all of them.
      utimesSync(join(ground.project, 'a'), 0, 0);
      expect(await leftOf([ground.change('modified', 'a')])).toEqual(['a changed-outside']);
      expect(ground.read('a')).toBe('host');
    });

    it('takes what we have put there ourselves for no change of the host', async () => {
      ground.host({ a: 'old' });
      for (const content of ['first', 'second']) {
        ground.session({ a: content });
        expect(await leftOf([ground.change('modified', 'a')])).toEqual(['a applied']);
      }
      ground.session({ a: 'third' });
      writeFileSync(join(ground.project, 'a'), 'host');
      expect(await leftOf([ground.change('modified', 'a')])).toEqual(['a changed-outside']);
    });

    it('leaves alone what is there where the session adds something', async () => {
      ground.session({ a: 'new', 'd/in': 'new', f: 'new' });
      const changes = ['a', 'd', 'd/in', 'f'].map((path) => ground.change('added', path));
      put(join(ground.project, 'a'), 'host');
      put(join(ground.project, 'd'), 'host');
      mkdirSync(join(ground.project, 'f'));
      expect((await leftOf(changes)).sort()).toEqual(['a exists', 'd exists', 'd/in parent', 'f exists']);
      expect(ground.tree()).toEqual({ a: 'host', d: 'host', f: 'folder/' });
    });

    it('finds no conflict where both sides have the same', async () => {
      ground.session({ a: 'same', l: { to: 'a' }, 'd/x': 'x' });
      const changes = ['a', 'l', 'd', 'd/x'].map((path) => ground.change('added', path));
      put(join(ground.project, 'a'), 'same');
      put(join(ground.project, 'l'), { to: 'a' });
      mkdirSync(join(ground.project, 'd'));
      expect(await leftOf(changes)).toEqual(['a same', 'l same', 'd same', 'd/x applied']);
    });

    it('overwrites what is named for it, and never a folder', async () => {
      ground.host({ a: 'old', b: 'old' });
      ground.session({ a: 'new', b: 'new', c: 'new', d: 'new' });
      const changes = [
        ...['a', 'b'].map((path) => ground.change('modified', path)),
        ...['c', 'd'].map((path) => ground.change('added', path)),
      ];
      for (const name of ['a', 'b', 'c']) writeFileSync(join(ground.project, name), 'host');
      put(join(ground.project, 'd/kept'), 'host');
      expect((await leftOf(changes, { overwrite: ['a', 'c', 'd'] })).sort()).toEqual([
        ...['a applied', 'b changed-outside', 'c applied', 'd in-the-way'],
      ]);
      expect(ground.tree()).toEqual({ a: 'new', b: 'host', c: 'new', d: 'folder/', 'd/kept': 'host' });
    });

    it('keeps a folder that has something in it by now', async () => {
      ground.host({ 'd/one': '1' });
      const changes = [ground.change('deleted', 'd'), ground.change('deleted', 'd/one')];
      writeFileSync(join(ground.project, 'd/host'), 'host');
      expect(await leftOf(changes)).toEqual(['d not-empty', 'd/one applied']);
      expect(ground.tree()).toEqual({ d: 'folder/', 'd/host': 'host' });
    });

    it('leaves both sides of a move alone if one has changed', async () => {
      ground.host({ a: 'content' });
      ground.session({ b: 'content' });
      const change = ground.change('renamed', 'b', 'a');
      writeFileSync(join(ground.project, 'a'), 'host');
      expect(await leftOf([change])).toEqual(['b changed-outside']);
      expect(ground.tree()).toEqual({ a: 'host' });
    });

    it('refuses another folder in the place of the project', async () => {
      ground.session({ a: 'new' });
      const { layer } = ground;
      renameSync(ground.project, join(ground.top, 'elsewhere'));
      mkdirSync(ground.project);
      Object.defineProperty(ground, 'layer', { value: layer });
      await expect(ground.apply([ground.change('added', 'a')])).rejects.toMatchObject({ code: 'PROJECT_UNWRITABLE' });
      expect(ground.tree()).toEqual({});
    });
  });

  describe('what a session can make of its layer', () => {
    it('takes nothing that has changed since it was reviewed', async () => {
      ground.session({ grown: 'a', replaced: 'a', linked: 'a', link: { to: 'grown' }, 'folder/in': 'a', gone: 'a' });
      const paths = ['grown', 'replaced', 'linked', 'link', 'folder/in', 'gone'];
      const changes = paths.map((path) => ground.change('added', path));
      put(join(ground.top, 'secret/in'), 'secret');
      writeFileSync(join(ground.upper, 'grown'), 'ab');
      for (const name of ['replaced', 'linked', 'link', 'gone', 'folder'])
        rmSync(join(ground.upper, name), { recursive: true });
      writeFileSync(join(ground.upper, 'replaced'), 'b');
      symlinkSync(join(ground.top, 'secret/in'), join(ground.upper, 'linked'));
      symlinkSync('gone', join(ground.upper, 'link'));
      symlinkSync(join(ground.top, 'secret'), join(ground.upper, 'folder'));
      expect(await leftOf(changes)).toEqual(paths.map((path) => `${path} changed-inside`));
      expect(ground.tree()).toEqual({});
    });

    it.each(['/etc', '../x', 'a/../../x', 'a/..'])('never makes a link to %j', async (target) => {
      const change = {
        path: 'l',
        kind: 'added',
        after: { type: 'link', mode: 0o777, sizeBytes: 0, target, stamp: '' },
      } as const;
      expect(await leftOf([change])).toEqual([`l link-out`]);
    });

    it('has nothing left to do once all permissions but set-user-ID are the same', async () => {
      ground.host({ a: 'x' });
      ground.session({ a: 'x' });
      chmodSync(join(ground.upper, 'a'), 0o4755);
      const results = [];
      for (let round = 0; round < 2; round += 1) {
        const [outcome] = await ground.apply([ground.change('mode', 'a')]);
        results.push(outcome?.result);
      }
      expect([results, ground.mode('a')]).toEqual([['applied', 'same'], 0o755]);
    });

    it('applies nothing that a review refuses', async () => {
      ground.session({ a: 'x' });
      const change = ground.change('added', 'a');
      const outcomes = await leftOf(
        (['name', 'type', 'link-out', 'unreadable'] as const).map((refused) => ({ ...change, refused })),
      );
      expect(outcomes).toEqual(['a name', 'a unsupported', 'a link-out', 'a unreadable']);
      expect(ground.tree()).toEqual({});
    });

    it('follows no link of the project either', async () => {
      put(join(ground.top, 'outside/kept'), 'kept');
      ground.host({ sub: { to: '../outside' } });
      ground.session({ 'sub/new': 'x', 'sub/kept': 'x' });
      const changes = ['sub/new', 'sub/kept'].map((path) => ground.change('added', path));
      const removal = { path: 'sub/kept', kind: 'deleted', before: ground.change('added', 'sub/kept').after! } as const;
      expect(await leftOf([...changes, removal])).toEqual(['sub/kept same', 'sub/new parent', 'sub/kept parent']);
      expect(readdirSync(join(ground.top, 'outside'))).toEqual(['kept']);
    });
  });

  it('goes on with the rest where the project can not be written', async () => {
    if (process.geteuid?.() === 0) return;
    ground.host({ 'closed/a': 'old', b: 'old' });
    ground.session({ 'closed/a': 'new', b: 'new' });
    const changes = ['closed/a', 'b'].map((path) => ground.change('modified', path));
    chmodSync(join(ground.project, 'closed'), 0o500);
    expect((await leftOf(changes)).sort()).toEqual(['b applied', 'closed/a unwritable']);
    chmodSync(join(ground.project, 'closed'), 0o700);
  });

  it('undoes what it has begun when it is called off', async () => {
    ground.session({ a: 'x', b: 'x' });
    const controller = new AbortController();
    let looks = 0;
    const judge = {
      concerns: () => {
        // Once for each change before anything is written, then as it is staged.
        looks += 1;
        if (looks === 3) controller.abort();
        return false;
      },
      judge: () => undefined,
    };
    const applying = ground.apply(
      ['a', 'b'].map((path) => ground.change('added', path)),
      { judge, signal: controller.signal },
    );
    await expect(applying).rejects.toMatchObject({ name: 'AbortError' });
    expect(ground.tree()).toEqual({});
    expect(existsSync(join(ground.top, 'layer/apply.journal'))).toBe(false);
  });
});
