import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'paddock-summary-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

type Test = readonly [status: string, fullName: string, failure?: string];

/** A report as vitest writes it, of the fields that are read. */
function report(path: string, tests: readonly Test[], status = 'passed', message = ''): void {
  const assertionResults = tests.map(([result, fullName, failure]) => ({
    ...{ status: result, fullName, failureMessages: failure === undefined ? [] : [failure] },
  }));
  const file = { name: resolve(path), status, message, assertionResults };
  writeFileSync(join(folder, `${path.replaceAll('/', '-')}.json`), JSON.stringify({ testResults: [file] }));
}

function summarize(suites: string, engines = '') {
  const run = spawnSync(process.execPath, ['scripts/test-summary.js', folder, suites, engines], { encoding: 'utf8' });
  const lines = run.stdout.trimEnd().split('\n');
  return { status: run.status, last: lines.at(-1), before: lines.slice(0, -1).join('\n'), stderr: run.stderr };
}

describe('the summary of a test run', () => {
  it('adds up all reports and ends with the counts alone on a line', () => {
    report('test/unit/a.test.ts', [
      ['passed', 'a one'],
      ['skipped', 'a two'],
    ]);
    report('test/mcp/b.test.ts', [['passed', 'b one']]);
    expect(summarize('unit,e2e')).toMatchObject({ status: 0, last: '2 passed, 0 failed, 1 skipped', stderr: '' });
  });

  it('fails when a test failed', () => {
    report('test/unit/a.test.ts', [['failed', 'a one']], 'failed');
    expect(summarize('unit')).toMatchObject({ status: 1, last: '0 passed, 1 failed, 0 skipped' });
  });

  it('names each test that failed, with the first lines of its message, indented', () => {
    const failure = ['\u001b[31mError: no\u001b[39m', ...Array.from({ length: 20 }, (_, i) => `at ${i}`)].join('\n');
    report('test/unit/a.test.ts', [['failed', 'a one', failure]], 'failed');
    const lines = summarize('unit').before.split('\n');
    expect(lines.slice(0, 3)).toEqual(['failed: test/unit/a.test.ts: a one', '  Error: no', '  at 0']);
    expect(lines).toHaveLength(13);
  });

  it('fails when a suite that had to run ran nothing', () => {
    report('test/unit/a.test.ts', [['passed', 'a one']]);
    expect(summarize('unit,engine')).toMatchObject({ status: 1, before: 'the suite engine ran no test' });
  });

  it('fails when none of the tests that try to escape ran, whatever else ran on the engines', () => {
    report('test/engine/a.test.ts', [['passed', 'a sandbox starts']]);
    expect(summarize('engine,escape')).toMatchObject({ status: 1, before: 'the suite escape ran no test' });
    report('test/escape/b.test.ts', [['passed', 'a call is refused']]);
    expect(summarize('engine,escape')).toMatchObject({ status: 0, last: '2 passed, 0 failed, 0 skipped' });
  });

  it('does not count a suite as run when all of it was skipped', () => {
    report('test/unit/a.test.ts', [['passed', 'a one']]);
    report('test/engine/b.test.ts', [['skipped', 'a sandbox starts']]);
    expect(summarize('unit,engine')).toMatchObject({ status: 1 });
  });

  it('fails when a test of a required engine was skipped, and only then', () => {
    report('test/engine/a.test.ts', [
      ['passed', 'on podman it starts'],
      ['pending', 'on Docker it starts'],
    ]);
    expect(summarize('engine', 'podman')).toMatchObject({ status: 0 });
    const strict = summarize('engine', 'podman,docker');
    expect(strict).toMatchObject({ status: 1, last: '1 passed, 0 failed, 1 skipped' });
    expect(strict.before).toContain('skipped, though docker is required: test/engine/a.test.ts: on Docker it starts');
  });

  it('fails when a test of limits was skipped where the kernel has to hold them', () => {
    report('test/engine/a.test.ts', [
      ['passed', 'a sandbox starts'],
      ['skipped', 'limits that the kernel enforces, memory'],
    ]);
    expect(summarize('engine', 'podman')).toMatchObject({ status: 0 });
    const strict = summarize('engine', 'podman,limits');
    expect(strict).toMatchObject({ status: 1, last: '1 passed, 0 failed, 1 skipped' });
    expect(strict.before).toContain('skipped, though limits is required: test/engine/a.test.ts');
  });

  it('fails when a file could not be run or failed outside its tests', () => {
    report('test/unit/a.test.ts', [['passed', 'a one']]);
    report('test/unit/b.test.ts', [], 'failed', 'SyntaxError: no');
    report('test/unit/c.test.ts', [['passed', 'c one']], 'failed', 'afterAll threw');
    const run = summarize('unit');
    expect(run).toMatchObject({ status: 1, last: '2 passed, 0 failed, 0 skipped' });
    expect(run.before).toContain('test/unit/b.test.ts ran no test: SyntaxError: no');
    expect(run.before).toContain('test/unit/c.test.ts failed outside its tests: afterAll threw');
  });

  it('fails when there is no report at all', () => {
    expect(summarize('')).toMatchObject({ status: 1, last: '0 passed, 0 failed, 0 skipped' });
  });
});
