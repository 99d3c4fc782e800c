import { existsSync, linkSync, lstatSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recoverApply } from '../../../../src/workspace/apply/recover.js';
import { seen } from '../../../../src/workspace/apply/seen.js';
import { Ground } from './support/ground.js';

const temp = `.paddock-${'a'.repeat(26)}.tmp`;

describe('an apply that was cut short after it was committed to', () => {
  let ground: Ground;
  beforeEach(() => {
    ground = new Ground();
    ground.host({ a: 'old' });
    ground.session({ a: 'new' });
  });
  afterEach(() => ground[Symbol.dispose]());

  const inProject = (name: string) => join(ground.project, name);

  /** The change is staged, and no more of it done. */
  function cutShort(): void {
    const expected = seen(lstatSync(inProject('a'), { bigint: true }));
    writeFileSync(inProject(temp), 'new');
    const { dev, ino, mtimeNs } = seen(lstatSync(inProject(temp), { bigint: true }));
    const { project } = ground.layer;
    const step = { do: 'put', of: 0, path: 'a', expect: expected, temp, at: '', mode: 0o644 };
    const lines = [
      { line: 'begin', v: 1, dev: project.dev, ino: project.ino, steps: 1 },
      { line: 'step', step },
      { line: 'staged', step: 0, dev, ino, mtimeNs },
      { line: 'commit' },
    ];
    writeFileSync(
      join(ground.layer.folder, 'apply.journal'),
      lines.map((line) => `${JSON.stringify(line)}\n`).join(''),
    );
  }

  /** What becomes of a further change of the session to the same file. */
  async function again(): Promise<string> {
    expect(await recoverApply(ground.layer)).toBe('finished');
    expect(existsSync(inProject(temp))).toBe(false);
    ground.session({ a: 'newer' });
    const [outcome] = await ground.apply([ground.change('modified', 'a')]);
    return `${outcome?.conflict ?? outcome?.result} ${ground.read('a')}`;
  }

  it('is known to be ours where it is finished now, and nobody has written to it', async () => {
    cutShort();
    expect(await again()).toBe('applied newer');
  });

  it('is not known to be where it had its place already: somebody may have written to it since', async () => {
    cutShort();
    renameSync(inProject(temp), inProject('a'));
    writeFileSync(inProject('a'), 'mine');
    expect(await again()).toBe('changed-outside mine');
  });

  it('is not known to be where it had both places', async () => {
    cutShort();
    renameSync(inProject(temp), inProject('a'));
    linkSync(inProject('a'), inProject(temp));
    writeFileSync(inProject('a'), 'mine');
    expect(await again()).toBe('changed-outside mine');
  });

  it('is not known to be where it was written to before it had its place', async () => {
    cutShort();
    writeFileSync(inProject(temp), 'odd');
    utimesSync(inProject(temp), 5, 5);
    expect(await again()).toBe('changed-outside odd');
  });
});
