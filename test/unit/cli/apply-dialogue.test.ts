import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { chooseByAsking } from '../../../src/cli/commands/apply-dialogue.js';
import type { Reviewed } from '../../../src/session/changes/review-report.js';

const side = { type: 'file', mode: '0644', sizeBytes: 1 } as const;
const entry = { type: 'file', mode: 0o644, sizeBytes: 1, stamp: 's' } as const;
const one = (path: string, more: Partial<Reviewed['item']> = {}, standsFor?: readonly Reviewed[]): Reviewed => ({
  item: { path, kind: 'added', after: side, ...more },
  change: { path, kind: 'added', after: entry },
  ...(standsFor === undefined ? {} : { standsFor }),
});
const held = (path: string) => one(path, { withheld: 'withheld.build' });

const marked = (line: string) => `<${line}>`;

/** What comes of answers, and all that was shown. */
async function talk(reviewed: readonly Reviewed[], answers: string, controller = new AbortController()) {
  const input = new PassThrough();
  input.end(answers);
  let shown = '';
  const choice = await chooseByAsking(reviewed, {
    ...{ input, signal: controller.signal, paint: { item: marked, diff: marked, alarm: marked } },
    show: (text) => {
      shown += text;
      return Promise.resolve();
    },
    differ: { diffOf: ({ path }) => Promise.resolve({ lines: [`+of ${path}`], addedLines: 1, removedLines: 0 }) },
  });
  return { choice, shown };
}

describe('being asked what is to be applied', () => {
  it('shows each change with its difference, and takes those that were said yes to', async () => {
    const { choice, shown } = await talk([one('a'), one('b'), one('c')], 'y\nn\nYES\n');
    expect(choice).toEqual({ paths: ['a', 'c'], named: [] });
    for (const path of ['a', 'b', 'c']) expect(shown).toContain(`<A ${path}  (1 bytes)>\n<+of ${path}>\n`);
  });

  it('takes all that follow, but asks for what is withheld one by one, for a yes in full', async () => {
    const reviewed = [one('a'), one('b'), held('Makefile'), held('x.mk'), one('z')];
    const { choice, shown } = await talk(reviewed, 'a\ny\na\nyes\nn\n');
    expect(choice).toEqual({ paths: ['a', 'b', 'Makefile', 'z'], named: ['Makefile'] });
    expect(shown).toContain('WITHHELD: withheld.build');
    expect(shown.match(/all the same\?/g)).toHaveLength(4);
    expect(shown).not.toContain('+of b');
  });

  it.each([
    ['somebody quits', 'y\nq\n'],
    ['the input ends', 'y\n'],
    ['nobody answers', ''],
  ])('takes nothing where %s', async (_, answers) => {
    expect((await talk([one('a'), one('b')], answers)).choice).toBeUndefined();
    expect((await talk([one('a'), held('b')], answers)).choice).toBeUndefined();
  });

  it('leaves all that follow where somebody is done, and asks again for what is no answer', async () => {
    const { choice, shown } = await talk([one('a'), one('b'), held('c')], 'what?\ny\nd\n');
    expect(choice).toEqual({ paths: ['a'], named: [] });
    expect(shown).toContain('q: apply nothing');
  });

  it('asks for a folder as a whole, but for what is held back in it by itself, and never for what is refused', async () => {
    const below = [one('d/a'), held('d/Makefile'), one('d/pipe', { refused: 'type' })];
    const folder = one('d', { below: { count: 3, heldBack: 2 } }, below);
    expect((await talk([folder], 'y\nn\n')).choice).toEqual({ paths: ['d', 'd/a'], named: [] });
    const { choice, shown } = await talk([folder], 'n\nyes\n');
    expect(choice).toEqual({ paths: ['d/Makefile'], named: ['d/Makefile'] });
    expect(shown).toContain('REFUSED: type');
  });

  it('shows names without what acts on a terminal, and ends when it is stopped', async () => {
    const { shown } = await talk([one('\u001b[2Jevil\u202e')], 'n\n');
    expect(shown).toContain('\\u{1b}[2Jevil\\u{202e}');
    const stopped = new AbortController();
    stopped.abort();
    await expect(talk([one('a')], 'y\n', stopped)).rejects.toThrow();
  });
});
