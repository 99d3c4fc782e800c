import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from 'sarif';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Checklist } from '../../src/doctor/checklist/checklist.js';
import { type Check, type CheckStatus, reportSchema, summarise } from '../../src/doctor/report.js';
import { leftOvers } from '../e2e/support/left-overs.js';
import { document, type Finished, paddock } from '../e2e/support/paddock.js';
import { Place } from '../e2e/support/place.js';
import { engineKinds } from '../engine/support/engines.js';

const boxIds = ['engine', 'limits', 'audit', 'network', 'scanning', 'incidents', 'updates', 'access'];

/** What SARIF calls it. */
const outcomes: Readonly<Record<CheckStatus, readonly [string, string]>> = {
  pass: ['pass', 'none'],
  warn: ['fail', 'warning'],
  fail: ['fail', 'error'],
  unknown: ['open', 'none'],
};

/** Each check of a box once: several boxes have the canary. */
function checksOf({ boxes }: Checklist): readonly Check[] {
  return [...new Map(boxes.flatMap(({ checks }) => checks).map((check) => [check.id, check])).values()];
}

function statusIn(checks: readonly Check[], id: string): CheckStatus | undefined {
  return checks.find((check) => check.id === id)?.status;
}

describe.each(engineKinds)('paddock doctor --checklist on a real rootless %s', (kind) => {
  let place: Place;
  let json: Finished;
  let sarif: Finished;
  let checklist: Checklist;

  beforeAll(async () => {
    place = await Place.make(kind);
    const settings = join(place.root, '.config', 'paddock');
    await mkdir(settings, { recursive: true, mode: 0o700 });
    await writeFile(join(settings, 'incident-plan.md'), 'Call the one who is on duty. '.repeat(10), { mode: 0o600 });
    const asked = (format: string) => paddock(place, ['doctor', '--checklist', format], { env: { HOME: place.root } });
    [json, sarif] = await Promise.all([asked('--json'), asked('--sarif')]);
    checklist = document(json) as unknown as Checklist;
  });
  afterAll(async () => {
    const left = await leftOvers(place, [kind]);
    await place[Symbol.asyncDispose]();
    expect(left).toEqual([]);
  });

  it('has looked at all of the eight boxes, and says for each check what was seen, or what to do', () => {
    expect(checklist.boxes.map(({ id }) => id)).toEqual(boxIds);
    for (const { id, checks } of checklist.boxes) {
      expect([id, checks.length]).not.toEqual([id, 0]);
      for (const check of checks) {
        expect([check.id, check.evidence]).toEqual([check.id, expect.stringMatching(/\S/)]);
        expect([check.id, check.remedy === undefined]).toEqual([check.id, check.status === 'pass']);
      }
    }
  });

  it('says what is so here: of this engine, this log and this plan, and of a sandbox that was started for it', async () => {
    const checks = checksOf(checklist);
    const evidence = (id: string) => checks.find((check) => check.id === id)?.evidence;
    expect(evidence('engine')?.toLowerCase()).toContain(kind);
    expect(evidence('incident-plan')).toContain(join(place.root, '.config/paddock/incident-plan.md'));
    expect(
      ['rootless', 'audit-log', 'audit-written', 'incident-plan', 'canary'].map((id) => statusIn(checks, id)),
    ).toEqual(Array(5).fill('pass'));
    expect(statusIn(checks, 'canary.seccomp')).toBe('pass');
    const made = (await place.audit()).filter(
      ({ action, phase }) => action === 'session.create' && phase === 'outcome',
    );
    expect(made.map(({ result }) => result)).toEqual(['ok', 'ok']);
  });

  it('ends with the exit code that its documents have, and that what it found comes to', () => {
    const { summary, exitCode } = summarise(checksOf(checklist));
    expect(checklist).toMatchObject({ schemaVersion: 1, summary, exitCode });
    expect([json.status, sarif.status]).toEqual([exitCode, exitCode]);
    expect([json.stderr, sarif.stderr]).toEqual(['', '']);
  });

  it('says the same as SARIF: every check once, with its verdict and the rows of the benchmark that it shows', () => {
    const log = document(sarif) as unknown as Log;
    expect([log.version, log.runs.length]).toEqual(['2.1.0', 1]);
    const [run] = log.runs;
    expect(run?.invocations).toEqual([{ executionSuccessful: true, exitCode: checklist.exitCode }]);
    const rowsOf = (id: string) => checklist.rows.filter(({ checks }) => checks.includes(id)).map(({ row }) => row);
    const told = run?.results?.map(({ ruleId, ruleIndex = -1, kind: outcome, level }) => {
      const rule = run.tool.driver.rules?.[ruleIndex];
      return [ruleId, rule?.id, outcome, level, rule?.properties?.tags];
    });
    expect(told).toEqual(
      checksOf(checklist).map(({ id, status }) => [
        ...[id, id, ...outcomes[status]],
        ['security', ...rowsOf(id).map((row) => `CIS-${row}`)],
      ]),
    );
    expect(run?.tool.driver.rules?.flatMap(({ properties }) => properties?.tags)).toContain('CIS-5.4');
  });
});

describe('paddock doctor without an engine', () => {
  const noEngine = (place: Place) => ({
    env: { HOME: place.root, PADDOCK_ENGINE: `unix://${join(place.root, 'nobody.sock')}` },
  });

  it('fails, with what to do, and leaves open what only a sandbox could show', async () => {
    await using place = await Place.make();
    const [listed, plain, inWords] = await Promise.all([
      paddock(place, ['doctor', '--checklist', '--json'], noEngine(place)),
      paddock(place, ['doctor', '--json'], noEngine(place)),
      paddock(place, ['doctor', '--checklist'], noEngine(place)),
    ]);
    expect([listed.status, plain.status, inWords.status]).toEqual([1, 1, 1]);
    const { boxes } = document(listed) as unknown as Checklist;
    expect(boxes.map(({ id }) => id)).toEqual(boxIds);
    const boxOf = (id: string) => boxes.find((box) => box.id === id);
    expect([boxOf('engine')?.status, boxOf('incidents')?.status]).toEqual(['fail', 'fail']);
    expect(statusIn(boxOf('network')?.checks ?? [], 'canary')).toBe('unknown');
    const report = reportSchema.parse(document(plain));
    expect([report.exitCode, statusIn(report.checks, 'engine')]).toEqual([1, 'fail']);
    const text = inWords.stdout.toString();
    expect(text.match(/^\[[x~ ?]\] /gm)).toHaveLength(8);
    expect(text).toMatch(/^\[ \] The engine is not exposed$/m);
    expect(text).toMatch(/remedy: \S/);
  });

  it('refuses to print two documents at once', async () => {
    await using place = await Place.make();
    const both = await paddock(place, ['doctor', '--checklist', '--sarif', '--json'], noEngine(place));
    expect([both.status, document(both)]).toMatchObject([2, { error: { code: 'BAD_ARGUMENT' } }]);
  });
});
