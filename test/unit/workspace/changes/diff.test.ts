import { chmodSync, lstatSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Change } from '../../../../src/workspace/changes/change.js';
import { Differ } from '../../../../src/workspace/changes/diff.js';
import { entryOf } from '../../../../src/workspace/changes/stamp.js';

type Content = string | Buffer | undefined;

describe('the difference of a changed file', () => {
  let top: string;
  beforeEach(() => {
    top = mkdtempSync(join(tmpdir(), 'paddock-diff-'));
    for (const side of ['project', 'upper']) mkdirSync(join(top, side));
  });
  afterEach(() => rmSync(top, { recursive: true }));

  const path = 'file.txt';
  const entry = (side: string) => entryOf(lstatSync(join(top, side, path), { bigint: true }));

  function changed(before: Content, after: Content): Change {
    if (before !== undefined) writeFileSync(join(top, 'project', path), before);
    if (after !== undefined) writeFileSync(join(top, 'upper', path), after);
    return {
      path,
      kind: before === undefined ? 'added' : after === undefined ? 'deleted' : 'modified',
      ...(before === undefined ? {} : { before: entry('project') }),
      ...(after === undefined ? {} : { after: entry('upper') }),
    };
  }

  async function diffOf(change: Change) {
    const project = { source: join(top, 'project'), dev: '', ino: '' };
    await using differ = await Differ.open({ folder: top, upper: join(top, 'upper'), project, sinceNs: 0n });
    return await differ.diffOf(change);
  }

  it('is that of diff -u, with what was added and removed counted', async () => {
    const lines = Array.from({ length: 12 }, (_, i) => `line ${i}\n`);
    const diff = await diffOf(changed(lines.join(''), lines.with(6, 'other\nmore\n').join('')));
    expect(diff).toEqual({
      lines: [
        ...['--- a/file.txt', '+++ b/file.txt', '@@ -4,7 +4,8 @@', ' line 3', ' line 4', ' line 5'],
        ...['-line 6', '+other', '+more', ' line 7', ' line 8', ' line 9'],
      ],
      addedLines: 2,
      removedLines: 1,
    });
  });

  it('has nothing on the side where there is no file, and says when a last line does not end', async () => {
    expect(await diffOf(changed(undefined, 'new'))).toMatchObject({
      lines: ['--- /dev/null', '+++ b/file.txt', '@@ -0,0 +1,1 @@', '+new', '\\ No newline at end of file'],
    });
    expect(await diffOf(changed('old\n', undefined))).toMatchObject({
      lines: ['--- a/file.txt', '+++ /dev/null', '@@ -1,1 +0,0 @@', '-old'],
    });
  });

  it('acts on no terminal, shows carriage returns and cuts endless lines', async () => {
    const diff = await diffOf(changed('a\n', `a\u001b[2J\u202e\r\n${'x'.repeat(5000)}\n`));
    expect(diff).toMatchObject({ addedLines: 2 });
    const lines = 'lines' in diff ? diff.lines : [];
    expect(lines).toContain('+a\\u{1b}[2J\\u{202e}\\u{d}');
    expect(lines.at(-1)).toMatch(/^\+x{399} \[… 4601 more characters\]$/);
  });

  it.each([
    ['binary', Buffer.from([0x61, 0, 0x62])],
    ['binary', Buffer.from([0x61, 0xff, 0x62])],
    ['too-large', Buffer.alloc(1024 ** 2 + 1, 'x\n')],
  ])('is not made of what is %s, on either side', async (because, content) => {
    expect(await diffOf(changed('text', content))).toEqual({ because });
    expect(await diffOf(changed(content, 'text'))).toEqual({ because });
  });

  it('is given up where two large files have nothing in common', async () => {
    const many = (word: string) => Array.from({ length: 30_000 }, (_, i) => `${word} ${i}\n`).join('');
    expect(await diffOf(changed(many('old'), many('new')))).toEqual({ because: 'too-different' });
  });

  it('is only ever of what was reviewed', async () => {
    const change = changed('old', 'new');
    writeFileSync(join(top, 'upper', path), 'newer');
    expect(await diffOf(change)).toEqual({ because: 'changed' });
    const again = changed('old', 'new');
    utimesSync(join(top, 'project', path), 1, 1);
    expect(await diffOf(again)).toEqual({ because: 'changed' });
    rmSync(join(top, 'upper', path));
    expect(await diffOf(changed('old', undefined))).toMatchObject({ removedLines: 1 });
  });

  it('is none of what has no content, or the same', async () => {
    const change = changed('same', 'same');
    chmodSync(join(top, 'upper', path), 0o700);
    expect(await diffOf({ ...change, kind: 'mode' })).toEqual({ because: 'no-text' });
    const link = { type: 'link', mode: 0o777, sizeBytes: 0, target: 'x', stamp: '' } as const;
    expect(await diffOf({ path, kind: 'added', after: link })).toEqual({ because: 'no-text' });
    expect(await diffOf({ ...change, refused: 'name' })).toEqual({ because: 'unreadable' });
  });
});
