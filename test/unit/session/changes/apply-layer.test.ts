import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openAudit } from '../../../../src/audit/audit-log.js';
import { version } from '../../../../src/core/version.js';
import { systemClock } from '../../../../src/kit/clock.js';
import { newSessionId } from '../../../../src/kit/random-id.js';
import { type ApplyRequest, applyRequestSchema } from '../../../../src/policy/change-requests.js';
import { applyLayer } from '../../../../src/session/changes/apply-layer.js';
import { applyText, atShell } from '../../../../src/session/changes/apply-report.js';
import { discardLayer, discardText } from '../../../../src/session/changes/discard-layer.js';
import { recoverLayer, withLayer } from '../../../../src/session/changes/own-layer.js';
import type { Change } from '../../../../src/workspace/changes/change.js';
import { fingerprintOf } from '../../../../src/workspace/changes/fingerprint.js';
import { Ground } from '../../workspace/apply/support/ground.js';
import { InMemoryAudit } from '../support/audit.js';

const session = newSessionId();
const { signal } = new AbortController();

describe('the changes of a session', () => {
  let ground: Ground;
  let audit: InMemoryAudit;
  /** What a review finds. */
  let changes: () => readonly Change[];
  beforeEach(() => {
    ground = new Ground();
    audit = new InMemoryAudit();
  });
  afterEach(() => ground[Symbol.dispose]());

  const review = () => ({ changes: changes(), isComplete: true, cutBecause: [] });
  const parts = () => ({ audit, withhold: ['deploy'], env: process.env, review: () => Promise.resolve(review()) });
  const apply = (request: ApplyRequest = {}) => applyLayer(session, ground.layer, request, parts(), signal);
  const left = async (request?: ApplyRequest) =>
    (await apply(request)).left.map(({ path, why, rule }) => `${path} ${rule ?? why}`);
  const discard = (request: { paths?: string[]; dry_run?: boolean }, removeLayer?: () => Promise<unknown>) =>
    discardLayer(session, ground.layer, request, { ...parts(), removeLayer }, signal);
  const added =
    (...paths: string[]) =>
    () =>
      paths.map((path) => ground.change('added', path));

  it('puts nothing where the host would run it, unless that very path is named', async () => {
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], {
        cwd: ground.project,
        stdio: 'pipe',
      });
    git('init', '-q');
    ground.host({ file: 'x' });
    const ran = join(ground.top, 'ran');
    ground.session({
      '.git/hooks/pre-commit': `#!/bin/sh\ntouch ${ran}\n`,
      '.vscode/tasks.json': '{}',
      'deploy/run': 'x',
      ok: 'x',
      hooks: { to: '.git/hooks' },
    });
    chmodSync(join(ground.upper, '.git/hooks/pre-commit'), 0o755);
    const paths = ['.git/hooks/pre-commit', '.vscode', '.vscode/tasks.json', 'deploy', 'deploy/run', 'hooks', 'ok'];
    changes = added(...paths);
    const held = [
      '.git/hooks/pre-commit withheld.git',
      '.vscode withheld.editor',
      '.vscode/tasks.json withheld.editor',
    ];
    const all = [...held, 'deploy withheld.site', 'deploy/run withheld.site', 'hooks withheld.git'];
    expect(await left()).toEqual(all);
    expect(await left({ all: true })).toEqual(all);
    expect(await left({ paths: ['**', '.vscode/*'] })).toEqual(all);
    expect(await left({ paths: ['.git', '.v*/**'] })).toEqual(held);
    git('add', 'file');
    git('commit', '-qm', 'one');
    expect([
      existsSync(ran),
      ground.has('.vscode'),
      ground.has('deploy'),
      ground.has('hooks'),
      ground.has('ok'),
    ]).toEqual([false, false, false, false, true]);
    expect(await left({ paths: ['.git/hooks/pre-commit'] })).toEqual([]);
    git('commit', '-q', '--allow-empty', '-m', 'two');
    expect(existsSync(ran)).toBe(true);
  });

  it('withholds a package.json by what it would run, and says what that is', async () => {
    ground.host({ 'package.json': '{"version":"1"}', 'sub/package.json': '{}' });
    ground.session({ 'package.json': '{"version":"2"}', 'sub/package.json': '{"scripts":{"postinstall":"evil"}}' });
    changes = () => ['package.json', 'sub/package.json'].map((path) => ground.change('modified', path));
    const report = await apply();
    expect(report.applied.map(({ path }) => path)).toEqual(['package.json']);
    expect(report.left).toMatchObject([
      { path: 'sub/package.json', rule: 'withheld.package-json', found: ['scripts.postinstall'] },
    ]);
    expect(applyText(report)).toContain('scripts.postinstall');
    expect(ground.read('sub/package.json')).toBe('{}');
    expect((await apply({ paths: ['sub/package.json'] })).applied).toHaveLength(1);
  });

  it('withholds a Cargo.toml by what it would have built, and another one not', async () => {
    ground.host({ 'Cargo.toml': '[package]', 'sub/Cargo.toml': '[package]' });
    ground.session({ 'Cargo.toml': '[package]\nversion = "2"', 'sub/Cargo.toml': '[lib]\nproc-macro = true' });
    changes = () => ['Cargo.toml', 'sub/Cargo.toml'].map((path) => ground.change('modified', path));
    const report = await apply({ all: true });
    expect(report.applied.map(({ path }) => path)).toEqual(['Cargo.toml']);
    expect(report.left).toMatchObject([
      { path: 'sub/Cargo.toml', rule: 'withheld.cargo-toml', found: ['lib.proc-macro'] },
    ]);
    expect((await apply({ paths: ['sub/Cargo.toml'] })).applied).toHaveLength(1);
  });

  it('applies what somebody was shown and chose, and nothing else that a name could mean', async () => {
    ground.session({ '**': 'x', a: 'x', 'dir/a': 'x', 'dir/b': 'x', Makefile: 'x', 'dir/Makefile': 'x' });
    changes = added('**', 'Makefile', 'a', 'dir', 'dir/Makefile', 'dir/a', 'dir/b');
    const chosen = (paths: string[], named: string[] = []) =>
      applyLayer(session, ground.layer, { exactly: { paths, named } }, parts(), signal);
    const report = await chosen(['**', 'dir', 'Makefile', 'dir/Makefile'], ['Makefile']);
    expect(report.applied.map(({ path }) => path).sort()).toEqual(['**', 'Makefile', 'dir']);
    expect(report.left).toMatchObject([{ path: 'dir/Makefile', why: 'withheld' }]);
    expect(Object.keys(ground.tree())).toEqual(['**', 'Makefile', 'dir']);
    await expect(chosen(['nothing'])).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    expect((await chosen([])).applied).toEqual([]);
  });

  it('does nothing after another review, and nothing with a name that names nothing', async () => {
    ground.session({ a: 'x' });
    changes = added('a');
    const reviewed = await fingerprintOf(review());
    await expect(apply({ reviewed: '0'.repeat(64) })).rejects.toMatchObject({ code: 'REVIEW_OUTDATED' });
    await expect(apply({ paths: ['a', 'b'] })).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    writeFileSync(join(ground.upper, 'a'), 'other');
    await expect(apply({ reviewed })).rejects.toMatchObject({ code: 'REVIEW_OUTDATED' });
    expect(ground.tree()).toEqual({});
    expect((await apply({ reviewed: await fingerprintOf(review()) })).applied).toHaveLength(1);
  });

  it('leaves an apply that is under way, or was cut short, alone in a dry run', async () => {
    ground.session({ a: 'x' });
    changes = added('a');
    const journal = join(ground.layer.folder, 'apply.journal');
    const { dev, ino } = ground.layer.project;
    writeFileSync(journal, `${JSON.stringify({ line: 'begin', v: 1, dev, ino, steps: 0 })}\n`);
    expect((await apply({ dry_run: true })).applied).toEqual([{ path: 'a' }]);
    expect((await discard({ dry_run: true })).discarded).toEqual(['a']);
    expect(existsSync(journal)).toBe(true);
    expect((await apply()).applied).toMatchObject([{ path: 'a' }]);
    expect(existsSync(journal)).toBe(false);
  });

  it('records what was applied by digests, and nothing of a dry run', async () => {
    ground.session({ secretname: 'x' });
    changes = added('secretname');
    const path = join(ground.top, 'audit.jsonl');
    await using log = await openAudit({
      path,
      createParent: false,
      caller: { uid: 1, user: 'a' },
      version,
      clock: systemClock,
    });
    const ask = (request: ApplyRequest) =>
      applyLayer(session, ground.layer, request, { ...parts(), audit: log }, signal);
    expect((await ask({ dry_run: true })).applied).toEqual([{ path: 'secretname' }]);
    const [applied] = (await ask({})).applied;
    const lines = readFileSync(path, 'utf8').trim().split('\n');
    const records = lines.map((line) => JSON.parse(line) as { phase: string; action: string });
    expect(records.map(({ phase, action }) => `${phase} ${action}`).slice(1)).toEqual([
      ...['intent changes.apply', 'event changes.applied', 'outcome changes.apply'],
    ]);
    expect(lines.join()).not.toContain('secretname');
    expect(lines.join()).toContain(applied?.sha256);
  });

  it('is worked on by one process at a time, and a crash is seen to first', async () => {
    ground.session({ a: 'x' });
    changes = added('a');
    await withLayer(ground.layer, { audit, session }, async () => {
      await expect(apply()).rejects.toMatchObject({ code: 'LAYER_BUSY', retryable: true });
    });
    expect((await apply()).applied).toHaveLength(1);
    expect(await recoverLayer(ground.layer, { audit, session })).toBe('nothing');
  });

  describe('that are discarded', () => {
    it('are hidden while the layer is mounted, until they change', async () => {
      ground.host({ old: 'x' });
      ground.session({ a: 'x', b: 'x' });
      changes = () => [...added('a', 'b')(), ground.change('deleted', 'old')];
      expect(await discard({ paths: ['a', 'old'], dry_run: true })).toMatchObject({
        discarded: ['a', 'old'],
        how: 'hidden',
      });
      expect(await discard({ paths: ['a', 'old'] })).toMatchObject({ discarded: ['a', 'old'] });
      await expect(apply({ paths: ['a'] })).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
      expect((await apply()).applied.map(({ path }) => path)).toEqual(['b']);
      expect(ground.tree()).toEqual({ b: 'x', old: 'x' });
      writeFileSync(join(ground.upper, 'a'), 'again');
      changes = added('a');
      expect((await apply()).applied.map(({ path }) => path)).toEqual(['a']);
    });

    it('go for good once the session is over, if nothing is named', async () => {
      ground.session({ a: 'x', Makefile: 'x' });
      changes = added('Makefile', 'a');
      const remove = () => rm(join(ground.top, 'layer'), { recursive: true });
      const tried = discardText(await discard({ paths: ['a'], dry_run: true }, remove));
      expect(tried.split('\n').every((line) => line.startsWith('would discard'))).toBe(true);
      expect(discardText(await discard({ paths: ['a'] }, remove))).toContain('still sees them');
      expect(existsSync(ground.upper)).toBe(true);
      expect(await discard({}, remove)).toMatchObject({ discarded: ['Makefile'], how: 'removed' });
      expect(existsSync(ground.upper)).toBe(false);
      expect(ground.tree()).toEqual({});
    });
  });

  it('counts one as one, and names at a shell the option that takes the version of the session', async () => {
    ground.host({ gone: 'x', old: 'x' });
    ground.session({ new: 'x', there: 'mine', gone: 'y', old: 'y' });
    changes = () => [...added('new', 'there')(), ...['gone', 'old'].map((path) => ground.change('modified', path))];
    const before = changes();
    changes = () => before;
    ground.host({ there: 'theirs', old: 'theirs' });
    await rm(join(ground.project, 'gone'));
    const report = await apply();
    expect(report.left.map(({ why }) => why).sort()).toEqual(['changed-outside', 'exists', 'gone']);
    const [toTools, toPeople] = [applyText(report), applyText(atShell(report))];
    for (const text of [toTools, toPeople]) expect(text).toMatch(/^applied 1 change of \S+, left 3 alone/);
    expect(toTools.match(/name it in overwrite/g)).toHaveLength(3);
    expect(toPeople.match(/--overwrite PATH/g)).toHaveLength(3);
    expect(toPeople).not.toContain('in overwrite');
    expect(applyText(await apply({ paths: ['new'] }))).toMatch(/^applied 0 changes .*; 1 was there already/);
    changes = added('new');
    expect(discardText(await discard({}))).toMatch(/^discarded 1 change of /);
  });

  it('stays bounded in what it says', async () => {
    mkdirSync(join(ground.upper, 'd'));
    for (let i = 0; i < 50; i += 1) writeFileSync(join(ground.upper, 'd', `${i}${'x'.repeat(200)}`), '');
    changes = added('d', ...readdirSync(join(ground.upper, 'd')).map((name) => `d/${name}`));
    const text = applyText(await apply({ dry_run: true }), 24);
    expect(text.split('\n')).toHaveLength(26);
    expect(text).toContain('and 27 more');
  });

  it('takes no request with anything else in it', () => {
    for (const wrong of [{ path: ['a'] }, { paths: 'a' }, { reviewed: 'x' }, { overwrite: [''] }]) {
      expect(applyRequestSchema.safeParse(wrong).success).toBe(false);
    }
  });
});
