import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WithheldPlaces } from '../../../../src/policy/withheld.js';
import { heldByContent } from '../../../../src/session/changes/held-by-content.js';
import { reviewReport } from '../../../../src/session/changes/review-report.js';
import { itemLine } from '../../../../src/session/changes/review-text.js';
import type { Change } from '../../../../src/workspace/changes/change.js';
import { Ground } from '../../workspace/apply/support/ground.js';

const places = new WithheldPlaces();
const { signal } = new AbortController();

describe('a review of files that say what is run', () => {
  let ground: Ground;
  beforeEach(() => {
    ground = new Ground();
  });
  afterEach(() => ground[Symbol.dispose]());

  const held = (changes: readonly Change[]) => heldByContent(ground.layer, changes, places, signal);
  async function linesOf(changes: readonly Change[]): Promise<readonly string[]> {
    const review = { changes, isComplete: true, cutBecause: [] };
    const git = { because: 'no-repository' } as const;
    const byContent = await held(changes);
    const report = await reviewReport(review, changes, { sessionId: 's', git, places, byContent, signal });
    expect(report.summary.withheld).toBe(report.reviewed.filter(({ item }) => item.withheld !== undefined).length);
    return report.reviewed.map(({ item }) => itemLine(item).replace(/\(.*bytes(?:, )?/, '('));
  }

  it('marks those that would run something else, and says what', async () => {
    ground.host({ 'package.json': '{"scripts":{"test":"vitest"}}', 'Cargo.toml': '', 'b/package.json': '{}' });
    ground.session({
      ...{ 'package.json': '{"scripts":{"test":"evil","postinstall":"evil"},"bin":"x"}' },
      ...{ 'Cargo.toml': '[package]\nbuild = "x.rs"', 'b/package.json': '{"version":"2.0.0"}' },
    });
    const paths = ['Cargo.toml', 'b/package.json', 'package.json'];
    expect(await linesOf(paths.map((path) => ground.change('modified', path)))).toEqual([
      'M Cargo.toml  (WITHHELD: withheld.cargo-toml for package.build)',
      'M b/package.json  ()',
      'M package.json  (WITHHELD: withheld.package-json for scripts.test, scripts.postinstall, bin)',
    ]);
  });

  it('marks what is removed and what is moved away as well, and nothing twice', async () => {
    ground.host({ 'package.json': '{"bin":"x"}', 'a/package.json': '{"bin":"y"}' });
    ground.session({ moved: '{"bin":"y"}', 'node_modules/a/package.json': '{"bin":"z"}' });
    const changes = [
      ground.change('renamed', 'moved', 'a/package.json'),
      ground.change('added', 'node_modules/a/package.json'),
      ground.change('deleted', 'package.json'),
    ];
    expect(await linesOf(changes)).toEqual([
      'R moved from a/package.json  (WITHHELD: withheld.package-json for bin)',
      'A node_modules/a/package.json  (WITHHELD: withheld.installed)',
      'D package.json  (WITHHELD: withheld.package-json for bin)',
    ]);
  });

  it('follows no link, and counts what is none of its files as not to be read', async () => {
    ground.host({ '../outside': '{"bin":"secret"}', 'package.json': '{}' });
    symlinkSync('../outside', join(ground.upper, 'package.json'));
    const [found] = (await held([ground.change('modified', 'package.json')])).values();
    expect(found).toEqual({ rule: 'withheld.package-json', found: ['unreadable'] });
  });

  it('shows names of scripts on one line, without what acts on a terminal, and only so many', async () => {
    const names = ['\u001b[2Jx\ny', 'z'.repeat(500), ...Array.from({ length: 20 }, (_, index) => `s${index}`)];
    ground.session({
      'package.json': JSON.stringify({ scripts: Object.fromEntries(names.map((name) => [name, ''])) }),
    });
    const [line = ''] = await linesOf([ground.change('added', 'package.json')]);
    expect(line).toContain('scripts.\\u{1b}[2Jx | y, ');
    expect(line).toContain('s5');
    expect(line).not.toContain('s6');
    expect(line.length).toBeLessThan(300);
  });

  it('takes those beyond what it looks into for withheld', async () => {
    const one = ground.change.bind(ground);
    ground.session({ 'a/package.json': '{}' });
    const change = one('added', 'a/package.json');
    const changes = Array.from({ length: 501 }, () => ({ ...change }));
    expect([...(await held(changes))]).toEqual([
      [changes[500], { rule: 'withheld.package-json', found: ['unreadable'] }],
    ]);
  });
});
