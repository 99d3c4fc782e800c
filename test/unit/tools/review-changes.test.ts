import { lstatSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SessionError } from '../../../src/core/errors.js';
import type { ReviewSummary } from '../../../src/session/changes/review-report.js';
import { SessionReviews } from '../../../src/session/changes/session-reviews.js';
import { reviewChanges } from '../../../src/tools/review-changes.js';
import type { ToolServices } from '../../../src/tools/services.js';
import type { Change, Entry, Review } from '../../../src/workspace/changes/change.js';
import { entryOf } from '../../../src/workspace/changes/stamp.js';

const sessionId = `pdk_${'a'.repeat(26)}`;
const folder: Entry = { type: 'folder', mode: 0o755, sizeBytes: 0, stamp: 'folder' };

interface Shown {
  readonly summary: Record<string, unknown> & Pick<ReviewSummary, 'fingerprint' | 'gitOwn' | 'gitOwnCount'>;
  readonly changes: readonly { readonly path: string }[];
  readonly diffs: readonly { readonly path: string; readonly text?: string; readonly more: boolean }[];
  readonly nextCursor?: string;
}

describe('review_changes', () => {
  let top: string;
  let review: Review;
  beforeEach(() => {
    top = mkdtempSync(join(tmpdir(), 'paddock-review-'));
    for (const side of ['project', 'upper']) mkdirSync(join(top, side));
  });
  afterEach(() => rmSync(top, { recursive: true }));

  function entry(side: 'project' | 'upper', path: string, content: string): Entry {
    const at = join(top, side, path);
    mkdirSync(dirname(at), { recursive: true });
    writeFileSync(at, content);
    return entryOf(lstatSync(at, { bigint: true }));
  }
  const added = (path: string, content = 'new\n'): Change => ({
    path,
    kind: 'added',
    after: entry('upper', path, content),
  });
  const deleted = (path: string): Change => ({ path, kind: 'deleted', before: entry('project', path, 'old\n') });
  const whole = (changes: readonly Change[]): Review => ({ changes, isComplete: true, cutBecause: [] });

  async function call(args: object = {}): Promise<{ shown: Shown; text: string }> {
    const project = { source: join(top, 'project'), dev: '', ino: '' };
    const layer = { folder: top, upper: join(top, 'upper'), project, sinceNs: 0n };
    const reviews = new SessionReviews({
      layerOf: (id) =>
        id === sessionId
          ? Promise.resolve({ layer })
          : Promise.reject(new SessionError('NO_SUCH_SESSION', 'there is none')),
      review: () => Promise.resolve(review),
      withhold: ['deploy'],
      env: {},
    });
    const context = { signal: new AbortController().signal, progress: () => undefined };
    const services = { reviews } as unknown as ToolServices;
    const { structured, text } = await reviewChanges.call(services, { sessionId, ...args }, context);
    expect(Buffer.byteLength(text)).toBeLessThan(8000);
    return { shown: structured as unknown as Shown, text };
  }

  it('counts one as one', async () => {
    review = whole([added('a', 'x')]);
    expect((await call()).text).toMatch(/^1 change: 1 added; 1 byte written\n/);
    review = whole([added('.git/index')]);
    expect((await call()).text).toContain(".git: 1 change of git's own");
  });

  it('says what it comes to first, and marks what is refused or withheld', async () => {
    const link: Entry = { type: 'link', mode: 0o777, sizeBytes: 0, target: '/etc', stamp: '' };
    const out: Change = { path: 'out', kind: 'added', after: link, refused: 'link-out' };
    review = whole([
      ...[
        added('.git/hooks/pre-commit'),
        added('.git/objects/1'),
        added('.vscode/tasks.json'),
        added('a\u001b[2J.txt', 'abc'),
      ],
      ...[added('deploy/x'), out],
    ]);
    const { shown, text } = await call();
    expect(shown.summary).toMatchObject({
      ...{
        sessionId,
        isComplete: true,
        refused: 1,
        withheld: 4,
        counts: { total: 6, added: 6, deleted: 0 },
        writtenBytes: 19,
      },
      gitOwn: [{ path: '.git', count: 2, notable: [{ path: '.git/hooks/pre-commit', kind: 'added' }] }],
    });
    expect(shown.changes).toMatchObject([
      {
        path: '.vscode/tasks.json',
        kind: 'added',
        withheld: 'withheld.editor',
        after: { type: 'file', mode: '0644', sizeBytes: 4 },
      },
      { path: 'a\u001b[2J.txt' },
      { path: 'deploy/x', withheld: 'withheld.site' },
      { path: 'out', refused: 'link-out', after: { target: '/etc' } },
    ]);
    expect(text.split('\n')).toEqual([
      '6 changes: 6 added; 19 bytes written',
      '1 can not be applied; 4 applied only where named, since the host would run or trust them',
      expect.stringMatching(/^git: /),
      ".git: 2 changes of git's own, not listed: added .git/hooks/pre-commit",
      `fingerprint ${shown.summary.fingerprint}`,
      'A .vscode/tasks.json  (4 bytes, WITHHELD: withheld.editor)',
      'A a\\u{1b}[2J.txt  (3 bytes)',
      'A deploy/x  (4 bytes, WITHHELD: withheld.site)',
      'A out  (→ /etc, REFUSED: link-out)',
    ]);
  });

  it('shows so many repositories and no more, the outermost first, and says how many there are', async () => {
    const hooks = (path: string) => Array.from({ length: 5 }, (_, index) => added(`${path}/hooks/h${index}`));
    const inner = Array.from({ length: 30 }, (_, index) => hooks(`a/r${index + 10}/.git`));
    review = whole([...inner.flat(), ...hooks('b/.git')]);
    const { shown, text } = await call();
    const { gitOwn, gitOwnCount } = shown.summary;
    expect([gitOwn.length, gitOwnCount, gitOwn[0]?.path]).toEqual([20, 31, 'b/.git']);
    expect(gitOwn.every(({ count, notableCount }) => count === 5 && notableCount === 5)).toBe(true);
    expect(gitOwn.flatMap(({ notable }) => notable)).toHaveLength(40);
    expect(text).toContain('and 29 more repositories');
  });

  it('lets a folder that is gone stand for what was in it, unless only some of it is asked for', async () => {
    const inside = ['dir/a', 'dir/b/Makefile'].map(deleted);
    review = whole([
      { path: 'dir', kind: 'deleted', before: folder },
      ...inside,
      { path: 'x', kind: 'mode', before: folder, after: { ...folder, mode: 0o700 } },
    ]);
    const { shown, text } = await call();
    expect(shown.changes.map(({ path }) => path)).toEqual(['dir', 'x']);
    expect(text).toMatch(/^D dir\/ {2}\(with 2 more below it, 1 of them refused or withheld\)$/m);
    expect(text).toMatch(/^P x\/ {2}\(0755 → 0700\)$/m);
    expect((await call({ paths: ['dir/**'] })).shown.changes.map(({ path }) => path)).toEqual([
      'dir',
      'dir/a',
      'dir/b/Makefile',
    ]);
    await expect(call({ paths: ['nowhere', 'dir'] })).rejects.toThrow('nothing at nowhere');
  });

  it('is read page by page, everything once, the differences behind the list', async () => {
    const names = Array.from({ length: 120 }, (_, i) => `folder/file-${String(i).padStart(3, '0')}`);
    const long = Array.from({ length: 900 }, (_, i) => `line ${i}\n`).join('');
    review = whole([...names.map((name) => added(name, '')), added('long', long), added('zero', 'a\0b')]);
    const pages = [await call({ diff: true })];
    for (let last = pages[0]; last?.shown.nextCursor !== undefined && pages.length < 50; ) {
      last = await call({ diff: true, cursor: last.shown.nextCursor });
      pages.push(last);
    }
    expect(pages.flatMap(({ shown }) => shown.changes.map(({ path }) => path))).toEqual([...names, 'long', 'zero']);
    const diffs = pages.flatMap(({ shown }) => shown.diffs);
    expect(new Set(diffs.map(({ path }) => path)).size).toBe(122);
    const text = diffs.flatMap(({ path, text }) => (path === 'long' ? [text] : [])).join('\n');
    expect(text).toBe(
      [
        '--- /dev/null',
        '+++ b/long',
        '@@ -0,0 +1,900 @@',
        ...long
          .trim()
          .split('\n')
          .map((l) => `+${l}`),
      ].join('\n'),
    );
    expect(diffs.at(-1)).toEqual({ path: 'zero', because: 'the file is no text', more: false });
    for (const { shown } of pages) expect(shown.summary).toEqual(pages[0]?.shown.summary);
  });

  it('refuses a cursor of another review, of another question, or of nobody', async () => {
    review = whole(Array.from({ length: 300 }, (_, i) => added(`some/longer/path/file-${i}`, '')));
    const cursor = (await call()).shown.nextCursor;
    expect(cursor).toBeDefined();
    await expect(call({ cursor, diff: true })).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    await expect(call({ cursor: 'e30' })).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    review = whole([...review.changes, added('zzz')]);
    await expect(call({ cursor })).rejects.toThrow('something has changed since');
    await expect(call({ sessionId: `pdk_${'b'.repeat(26)}` })).rejects.toMatchObject({ code: 'NO_SUCH_SESSION' });
  });

  it('says where it is not complete, and that there is nothing', async () => {
    review = { changes: [], isComplete: false, cutBecause: ['unreadable'] };
    expect((await call()).text).toMatch(
      /^no changes\nNOT COMPLETE: what is in some folders can not be read\nfingerprint/,
    );
  });
});
