import { existsSync, linkSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recoverApply } from '../../../../src/workspace/apply/recover.js';
import { cutShort, temp } from './support/cut-short.js';
import { Ground } from './support/ground.js';

describe('an apply that was cut short after it was committed to', () => {
  let ground: Ground;
  beforeEach(() => {
    ground = new Ground();
    ground.host({ a: 'old', gone: 'x', other: 'changed meanwhile' });
    ground.session({ a: 'new' });
  });
  afterEach(() => ground[Symbol.dispose]());

  const inProject = (name: string) => join(ground.project, name);

  /** What becomes of a further change of the session to the same file. */
  async function again(): Promise<string> {
    expect(await recoverApply(ground.layer)).toBe('finished');
    expect(existsSync(inProject(temp))).toBe(false);
    ground.session({ a: 'newer' });
    const [outcome] = await ground.apply([ground.change('modified', 'a')]);
    return `${outcome?.conflict ?? outcome?.result} ${ground.read('a')}`;
  }

  it('is known to be ours where it is finished now, and nobody has written to it', async () => {
    cutShort(ground);
    expect(await again()).toBe('applied newer');
  });

  it('is not known to be where it had its place already: somebody may have written to it since', async () => {
    cutShort(ground);
    renameSync(inProject(temp), inProject('a'));
    writeFileSync(inProject('a'), 'mine');
    expect(await again()).toBe('changed-outside mine');
  });

  it('is not known to be where it had both places', async () => {
    cutShort(ground);
    renameSync(inProject(temp), inProject('a'));
    linkSync(inProject('a'), inProject(temp));
    writeFileSync(inProject('a'), 'mine');
    expect(await again()).toBe('changed-outside mine');
  });

  it('is not known to be where it was written to before it had its place', async () => {
    cutShort(ground);
    writeFileSync(inProject(temp), 'odd');
    utimesSync(inProject(temp), 5, 5);
    expect(await again()).toBe('changed-outside odd');
  });
});
