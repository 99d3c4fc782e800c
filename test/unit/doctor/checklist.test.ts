import { describe, expect, it } from 'vitest';
import { builtInPolicy } from '../../../src/config/built-in-policy.js';
import { controlIds } from '../../../src/core/evidence.js';
import type { ImageScan } from '../../../src/core/image-scan.js';
import { auditWrittenCheck } from '../../../src/doctor/checklist/audit-written.js';
import { boxes, checklistChecks } from '../../../src/doctor/checklist/boxes.js';
import { checklistText, runChecklist, sorted } from '../../../src/doctor/checklist/checklist.js';
import { cisRows, notApplicable } from '../../../src/doctor/checklist/cis.js';
import { signaturePolicyCheck } from '../../../src/doctor/checks/signature-policy.js';
import { hostChecks } from '../../../src/doctor/host-checks.js';
import type { Check } from '../../../src/doctor/report.js';
import { toSarif } from '../../../src/doctor/sarif.js';
import { findings, hostWith, type Illness, illFinding } from './support/host.js';

const plan = '/etc/paddock/incident-plan.md';
const nowMs = Date.UTC(2026, 10, 22);
const dayMs = 86_400_000;
const wellPlan = {
  texts: { [plan]: 'Call Ada. '.repeat(40) },
  files: { [plan]: { mode: 0o644, modifiedAtMs: nowMs - dayMs } },
};
const site = builtInPolicy('/home/ada');
const strict = { ...site, require: [...site.require, 'memory', 'cpu', 'pids'] as const };
const scan = (ageMs: number) =>
  ({ reference: 'docker.io/library/x:1', scannedAtMs: nowMs - ageMs }) as unknown as ImageScan;

const own = (id: string) => {
  const check = checklistChecks.find((one) => one.id === id);
  if (check === undefined) throw new Error(`there is no check ${id}`);
  return check;
};

/** Where images of a registry may run. */
const withImages = (rules: Partial<typeof site.imageRules>, ctx: Illness['ctx'] = {}): Illness => ({
  ctx: { sitePolicy: { ...strict, images: ['docker.io/*'], imageRules: { ...site.imageRules, ...rules } }, ...ctx },
});
const scanned = { scanners: () => Promise.resolve(['trivy']), lastScans: () => Promise.resolve([scan(dayMs)]) };

describe.each(checklistChecks.map((check) => [check.id, check] as const))('the check %s', (_id, check) => {
  it('passes where all is well', async () => {
    for (const illness of [
      { ...wellPlan, ctx: { sitePolicy: strict } },
      { ...wellPlan, ...withImages({ scan: 'require' }, scanned) },
    ]) {
      for (const finding of await findings(check, illness)) expect(finding).toMatchObject({ status: 'pass' });
    }
  });
});

describe('the checklist finds', () => {
  it.each<[string, string, Illness, string, RegExp, RegExp]>([
    [
      'engine-policy',
      'that TCP is allowed',
      { ctx: { sitePolicy: { ...site, tcpAllowed: true } } },
      'fail',
      /tcp = true/,
      /tcp = false/,
    ],
    ['limits-policy', 'that limits are not required', {}, 'warn', /memory, cpu, pids/, /require = \[/],
    [
      'network-policy',
      'that the network may be open',
      { ctx: { sitePolicy: { ...site, networks: ['open'] } } },
      ...(['warn', /reach everything/, /networks/] as const),
    ],
    [
      'network-policy',
      'that everything may be reached',
      { ctx: { sitePolicy: { ...site, egress: { allow: ['https://*'], ask: [], approved: [] } } } },
      ...(['warn', /every host/, /egress\.allow/] as const),
    ],
    [
      'access-policy',
      'that all of the host is a project',
      { ctx: { sitePolicy: { ...site, allowedRoots: ['/'] } } },
      'fail',
      /more than/,
      /Narrow/,
    ],
    [
      'access-policy',
      'that any image may run',
      { ctx: { sitePolicy: { ...site, images: ['*'] } } },
      'warn',
      /any image/,
      /List/,
    ],
    [
      'scanning',
      'no scanner',
      withImages({ scan: 'require' }, { lastScans: scanned.lastScans }),
      'warn',
      /none is installed/,
      /trivy/,
    ],
    ['scanning', 'no rule', withImages({}, scanned), 'warn', /scan = off/, /require/],
    [
      'scanning',
      'no scan',
      withImages({ scan: 'require' }, { scanners: scanned.scanners }),
      'warn',
      /no image/,
      /image scan/,
    ],
    [
      'scanning',
      'an old scan',
      withImages({ scan: 'require' }, { ...scanned, lastScans: () => Promise.resolve([scan(dayMs), scan(9 * dayMs)]) }),
      ...(['warn', /2 images scanned, 1 of them more than/, /image scan/] as const),
    ],
    ['incident-plan', 'none', {}, 'fail', /neither \/etc/, /paddock audit export/],
    ['incident-plan', 'an empty one', { ...wellPlan, texts: { [plan]: ' \n' } }, 'warn', /hardly/, /whom to call/],
    [
      'incident-plan',
      'an old one',
      { ...wellPlan, files: { [plan]: { mode: 0o644, modifiedAtMs: nowMs - 400 * dayMs } } },
      'warn',
      /400 days/,
      /touch/,
    ],
    [
      'incident-plan',
      'one that others write',
      { ...wellPlan, files: { [plan]: { mode: 0o666 } } },
      'warn',
      /others can write/,
      /chmod/,
    ],
    [
      'incident-plan',
      'one of another user',
      { ...wellPlan, files: { [plan]: { mode: 0o644, uid: 1001 } } },
      'warn',
      /belongs to uid 1001/,
      /chown/,
    ],
  ])('%s: %s', async (id, _what, illness, status, evidence, remedy) => {
    const finding = await illFinding(own(id), illness);
    expect(finding.status).toBe(status);
    expect(finding.evidence).toMatch(evidence);
    expect(finding.remedy).toMatch(remedy);
  });
});

/** `2.3 – 2.6`: all of them. */
function spread(rows: string): readonly string[] {
  const [first = '', last = first] = rows.split(' – ');
  const [section, from, to] = [
    first.slice(0, first.lastIndexOf('.')),
    ...[first, last].map((row) => Number(row.split('.').at(-1))),
  ];
  return Array.from({ length: Number(to) - Number(from) + 1 }, (_, index) => `${section}.${Number(from) + index}`);
}

const check = (id: string, status: Check['status']): Check => ({ id, title: id, status, evidence: `of ${id}` });

describe('the boxes', () => {
  const known = [
    ...[...hostChecks, ...checklistChecks].map(({ id }) => id),
    ...[
      'audit-written',
      'socket.tcp',
      'stale-sessions.in-clear',
      'scanning.scanner',
      'scanning.policy',
      'scanning.age',
      'canary',
    ],
    ...controlIds.map((id) => `canary.${id}`),
  ];

  it('are eight, and they and the rows of the benchmark name checks that there are', () => {
    expect(boxes).toHaveLength(8);
    for (const { checks } of [...boxes, ...cisRows]) expect(checks.filter((id) => !known.includes(id))).toEqual([]);
  });

  it('have every recommendation of the benchmark once, with checks or with the reason why there are none', () => {
    const sizes = { '1.1': 18, '1.2': 2, '2': 18, '3': 24, '4': 12, '5': 32, '6': 2, '7': 9 };
    const all = Object.entries(sizes).flatMap(([section, size]) =>
      Array.from({ length: size }, (_, index) => `${section}.${index + 1}`),
    );
    const others = notApplicable.flatMap(({ rows }) => rows.split(', ').flatMap(spread));
    expect([...cisRows.map(({ row }) => row), ...others].sort()).toEqual(all.sort());
  });

  it('show the worst that one of their checks says, and what nobody could see is unknown', () => {
    const said = [
      check('versions', 'pass'),
      check('kernel', 'warn'),
      check('audit-log', 'pass'),
      check('engine', 'fail'),
    ];
    const { boxes: all, rows, summary, exitCode } = sorted([...said, check('tun', 'fail')]);
    const statuses = Object.fromEntries(all.map(({ id, status }) => [id, status]));
    expect(statuses).toMatchObject({ updates: 'warn', audit: 'pass', engine: 'fail', network: 'unknown' });
    expect(rows.find(({ row }) => row === '1.2.2')?.status).toBe('pass');
    expect(rows.find(({ row }) => row === '5.4')?.status).toBe('unknown');
    // What is in no box does not count.
    expect([summary, exitCode]).toEqual([{ pass: 2, warn: 1, fail: 1, unknown: 0 }, 1]);
  });

  it('do not show a control as held when the canary could not be started', async () => {
    const list = await runChecklist(
      hostWith({ ...wellPlan, ctx: { sitePolicy: strict } }),
      AbortSignal.timeout(20_000),
    );
    const statuses = Object.fromEntries(list.boxes.map(({ id, status }) => [id, status]));
    expect(statuses).toMatchObject({ engine: 'pass', limits: 'unknown', network: 'unknown', incidents: 'pass' });
    // That it could be written is no evidence that it is.
    expect(statuses).toMatchObject({ audit: 'unknown' });
    expect(list.exitCode).toBe(2);
    const text = checklistText(list);
    expect(text).toContain('[x] The engine is not exposed');
    expect(text).toContain('[?] The network is isolated');
    expect(text).toMatch(/^CIS Docker Benchmark v1\.6\.0/m);
  });
});

describe('the check signature-policy', () => {
  const withRules = (changes: Partial<typeof site>) =>
    findings(signaturePolicyCheck, { ctx: { sitePolicy: { ...site, ...changes } } });

  it('takes Podman’s default of no signatures where nothing is pulled, or only by digest, and says which', async () => {
    expect(await withRules({})).toMatchObject([
      { status: 'pass', evidence: expect.stringContaining('pull nothing') as string },
    ]);
    const pinned = { pullAllowed: true, imageRules: { ...site.imageRules, pinned: true } };
    expect(await withRules(pinned)).toMatchObject([
      { status: 'pass', evidence: expect.stringContaining('by digest') as string },
    ]);
  });
});

describe('the check incident-plan', () => {
  it('takes the plan that lies beside the settings, wherever these are', async () => {
    const path = '/elsewhere/paddock/incident-plan.md';
    const { paths } = hostWith();
    const ctx = { paths: { ...paths, settings: ['/etc/paddock/policy.toml', '/elsewhere/paddock/config.toml'] } };
    const ill = { texts: { [path]: 'Call Ada. '.repeat(40) }, files: { [path]: { modifiedAtMs: nowMs } }, ctx };
    expect(await findings(own('incident-plan'), ill)).toMatchObject([{ status: 'pass' }]);
  });
});

describe('the check audit-written', () => {
  const log = '/home/ada/.local/state/paddock/audit.jsonl';
  const written = (modifiedAtMs: number) => ({ files: { [log]: { modifiedAtMs } } });
  const of = async (canaryRan: boolean, illness: Illness) =>
    (await findings(auditWrittenCheck(nowMs, canaryRan), illness)).map(({ status }) => status);

  it('passes where the log was written since, and by nothing else', async () => {
    expect(await of(true, written(nowMs + 1))).toEqual(['pass']);
    expect(await of(false, written(nowMs + 1))).toEqual(['pass']);
    expect(await of(true, { files: { [log]: { modifiedAtMs: nowMs + 1, sizeBytes: 0 } } })).toEqual(['fail']);
  });

  it('fails where a sandbox was started and nothing written, and does not know where none was', async () => {
    for (const illness of [written(nowMs - dayMs), {}]) {
      expect(await of(true, illness)).toEqual(['fail']);
      expect(await of(false, illness)).toEqual(['unknown']);
    }
  });
});

describe('a SARIF log', () => {
  it('has a rule and a result for each check, and a level only for what fails', () => {
    const checks = [
      check('a', 'pass'),
      { ...check('b', 'warn'), remedy: 'do it' },
      check('c', 'fail'),
      check('d', 'unknown'),
    ];
    const log = toSarif(checks, { version: '1.2.3', exitCode: 1, tagsOf: (id) => (id === 'b' ? ['CIS-5.4'] : []) });
    expect(log).toMatchObject({
      version: '2.1.0',
      runs: [
        {
          tool: { driver: { name: 'paddock doctor', semanticVersion: '1.2.3' } },
          invocations: [{ executionSuccessful: true, exitCode: 1 }],
          results: [
            { ruleId: 'a', ruleIndex: 0, kind: 'pass', level: 'none' },
            { ruleId: 'b', ruleIndex: 1, kind: 'fail', level: 'warning', message: { text: 'of b\nRemedy: do it' } },
            { ruleId: 'c', ruleIndex: 2, kind: 'fail', level: 'error' },
            { ruleId: 'd', ruleIndex: 3, kind: 'open', level: 'none' },
          ],
        },
      ],
    });
    const [run] = (log as { runs: { tool: { driver: { rules: { id: string; properties: object }[] } } }[] }).runs;
    expect(run?.tool.driver.rules.map(({ id }) => id)).toEqual(['a', 'b', 'c', 'd']);
    expect(run?.tool.driver.rules[1]?.properties).toEqual({ tags: ['security', 'CIS-5.4'] });
  });
});
