import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { readDockerScout } from '../../../../src/image/scan/docker-scout.js';
import { finding, summed } from '../../../../src/image/scan/findings.js';
import { readGrype } from '../../../../src/image/scan/grype.js';
import { readSnyk } from '../../../../src/image/scan/snyk.js';
import { readTrivy, readTrivyVersion } from '../../../../src/image/scan/trivy.js';

/** By the types of trivy's `types.Report` and the documents of its own tests, SchemaVersion 2. */
const trivy = {
  SchemaVersion: 2,
  CreatedAt: '2026-11-20T10:00:00Z',
  ArtifactName: '/x/image.tar',
  ArtifactType: 'container_image',
  Metadata: { OS: { Family: 'debian', Name: '12.1', EOSL: true }, ImageID: 'sha256:00', DiffIDs: ['sha256:01'] },
  Results: [
    {
      Target: '/x/image.tar (debian 12.1)',
      Class: 'os-pkgs',
      Type: 'debian',
      Vulnerabilities: [
        {
          VulnerabilityID: 'CVE-2026-1000',
          PkgID: 'libx@1.0-1',
          PkgName: 'libx',
          InstalledVersion: '1.0-1',
          FixedVersion: '1.0-2',
          Status: 'fixed',
          Layer: { DiffID: 'sha256:01' },
          Severity: 'CRITICAL',
          CweIDs: ['CWE-1'],
        },
        { VulnerabilityID: 'CVE-2026-1001', PkgName: 'libx', InstalledVersion: '1.0-1', Severity: 'UNKNOWN' },
      ],
    },
    { Target: 'usr/bin/tool', Class: 'lang-pkgs', Type: 'gobinary' },
    { Target: 'app/x.jar', Class: 'lang-pkgs', Type: 'jar', Vulnerabilities: null },
  ],
};

/** By grype's `models.Document`. */
const grype = {
  matches: [
    {
      vulnerability: {
        ...{ id: 'GHSA-aaaa-bbbb-cccc', dataSource: 'https://example', severity: 'High', urls: [], cvss: [] },
        fix: { versions: ['2.1.0', '3.0.1'], state: 'fixed' },
        advisories: [],
      },
      relatedVulnerabilities: [{ id: 'CVE-2026-2000', dataSource: 'https://example' }],
      matchDetails: [{ type: 'exact-direct-match', matcher: 'javascript-matcher', searchedBy: {}, found: {} }],
      artifact: { id: '1', name: 'left', version: '2.0.0', type: 'npm', locations: [] },
    },
    {
      vulnerability: { id: 'CVE-2026-2001', severity: 'Negligible', fix: { versions: [], state: 'wont-fix' } },
      relatedVulnerabilities: [],
      matchDetails: [],
      artifact: { name: 'libc6', version: '2.36-9', type: 'deb' },
    },
  ],
  source: { type: 'image', target: {} },
  distro: { name: 'debian', version: '12', idLike: [] },
  descriptor: { name: 'grype', version: '0.100.0', db: { status: { built: '2026-11-01T00:00:00Z' } } },
};

/** SARIF 2.1.0 as others read it from docker scout: what counts is in the rules' properties. */
const scout = {
  version: '2.1.0',
  $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
  runs: [
    {
      tool: {
        driver: {
          ...{ fullName: 'Docker Scout', name: 'docker scout', version: '1.18.0' },
          rules: [
            {
              id: 'CVE-2026-3000',
              name: 'OsPackageVulnerability',
              shortDescription: { text: 'CVE-2026-3000' },
              properties: {
                ...{ affected_version: '<3.0.2', fixed_version: '3.0.2', cvssV3_severity: 'HIGH' },
                ...{ 'security-severity': '8.1', tags: ['HIGH'] },
                purls: ['pkg:deb/debian/openssl@3.0.1%2Bx-1?os_distro=bookworm', 'pkg:npm/%40scope/name@1.2.3'],
              },
            },
            {
              id: 'CVE-2026-3001',
              name: 'OsPackageVulnerability',
              properties: {
                fixed_version: 'not fixed',
                cvssV3_severity: 'UNSPECIFIED',
                purl: 'pkg:apk/alpine/musl@1.2',
              },
            },
            {
              id: 'CVE-2026-3001',
              name: 'OsPackageVulnerability',
              properties: { fixed_version: '1.3', cvssV3_severity: 'LOW', purl: 'pkg:apk/alpine/musl-utils@1.2' },
            },
          ],
        },
      },
      results: [
        { ruleId: 'CVE-2026-3000', ruleIndex: 0, kind: 'fail', level: 'error', message: { text: 'x' } },
        { ruleId: 'CVE-2026-3001', ruleIndex: 1, kind: 'fail', level: 'none', message: { text: 'y' } },
      ],
    },
  ],
};

/** By Snyk's documents and the fixtures of its command line tool. */
const snyk = {
  vulnerabilities: [
    {
      ...{ id: 'SNYK-DEBIAN12-LIBX-1', title: 'x', severity: 'medium', packageName: 'src/libx', version: '1.0-1' },
      ...{ name: 'src/libx', nearestFixedInVersion: '1.0-3', identifiers: { CVE: ['CVE-2026-4000'], CWE: [] } },
      from: ['docker-image|x', 'a'],
    },
    {
      ...{ id: 'SNYK-DEBIAN12-LIBX-1', title: 'x', severity: 'medium', packageName: 'src/libx', version: '1.0-1' },
      ...{ nearestFixedInVersion: '1.0-3', identifiers: { CVE: ['CVE-2026-4000'] }, from: ['docker-image|x', 'b'] },
    },
  ],
  ...{ ok: false, dependencyCount: 90, org: 'me', packageManager: 'deb', uniqueCount: 1, path: 'x' },
  docker: { baseImage: 'debian:12' },
  applications: [
    {
      vulnerabilities: [
        { id: 'npm:left:1', severity: 'low', packageName: 'left', version: '1.0.0', fixedIn: [], identifiers: {} },
        { id: 'snyk:lic:npm:left:GPL', severity: 'high', packageName: 'left', version: '1.0.0', type: 'license' },
      ],
      dependencyCount: 4,
    },
  ],
};

const short = ({ findings }: ReturnType<typeof readTrivy>) =>
  findings.map((one) => [one.id, one.severity, one.package, one.installed, one.fixedIn]);

describe('what a scanner says', () => {
  it('is read from trivy, with lists that Go left out or wrote as null', () => {
    const said = readTrivy(trivy);
    expect(short(said)).toEqual([
      ['CVE-2026-1000', 'critical', 'libx', '1.0-1', '1.0-2'],
      ['CVE-2026-1001', 'unknown', 'libx', '1.0-1', undefined],
    ]);
    expect(said).toMatchObject({ isRecognised: true, isEndOfLife: true });
  });

  it('is read from what trivy 0.44.1 answered of images of ours, by a database of ours', async () => {
    const said = async (name: string) =>
      readTrivy(JSON.parse(await readFile(new URL(`recorded/trivy-0.44.1-${name}.json`, import.meta.url), 'utf8')));
    expect(short(await said('holes'))).toEqual([
      ['CVE-2026-1111', 'critical', 'bash', '5.2.15-2+b8', '999'],
      ['CVE-2026-2222', 'low', 'coreutils', '9.1-1', undefined],
      ['CVE-2026-3333', 'unknown', 'coreutils', '9.1-1', undefined],
      ['CVE-2026-4444', 'high', 'dpkg', '1.21.22', '999'],
      ['CVE-2026-5555', 'unknown', 'dpkg', '1.21.22', '999'],
      ['CVE-2026-7777', 'high', 'lodash', '4.17.0', '4.17.21'],
    ]);
    const known = { isRecognised: true, isEndOfLife: false };
    expect(await said('holes')).toMatchObject(known);
    expect(await said('clean')).toMatchObject({ ...known, findings: [] });
    expect(await said('old')).toMatchObject({ ...known, isEndOfLife: true, findings: [] });
    const version = await readFile(new URL('recorded/trivy-0.44.1-version.json', import.meta.url), 'utf8');
    const databaseAtMs = Date.parse('2026-11-23T23:24:29.814Z');
    expect(readTrivyVersion(JSON.parse(version))).toEqual({ version: 'dev', databaseAtMs });
    // A Debian without its package database, and a distribution that nobody knows.
    for (const name of ['bare', 'strange']) expect(await said(name)).toMatchObject({ ...known, isRecognised: false });
  });

  it('is read from grype, by the CVE where the advisory has one', () => {
    const said = readGrype(grype);
    expect(short(said)).toEqual([
      ['CVE-2026-2000', 'high', 'left', '2.0.0', '2.1.0, 3.0.1'],
      ['CVE-2026-2001', 'low', 'libc6', '2.36-9', undefined],
    ]);
    expect([said.version, said.databaseAtMs]).toEqual(['0.100.0', Date.UTC(2026, 10, 1)]);
    const older = { ...grype.descriptor, db: { built: '2025-11-01T00:00:00Z' } };
    expect(readGrype({ ...grype, descriptor: older }).databaseAtMs).toBe(Date.UTC(2025, 10, 1));
    // The zero of Go, where there is no database.
    expect(readTrivyVersion({ VulnerabilityDB: { UpdatedAt: '0001-01-01T00:00:00Z' } })).toEqual({});
  });

  it('is read from docker scout, a finding for each package', () => {
    expect(short(readDockerScout(scout))).toEqual([
      ['CVE-2026-3000', 'high', 'openssl', '3.0.1+x-1', '3.0.2'],
      ['CVE-2026-3000', 'high', 'name', '1.2.3', '3.0.2'],
      ['CVE-2026-3001', 'unknown', 'musl', '1.2', undefined],
      ['CVE-2026-3001', 'low', 'musl-utils', '1.2', '1.3'],
    ]);
  });

  it('is read from snyk, with what lies in the image besides packages, and without licences', () => {
    for (const answer of [snyk, [snyk]]) {
      expect(summed(readSnyk(answer).findings).findings.map((one) => [one.id, one.severity, one.fixedIn])).toEqual([
        ['CVE-2026-4000', 'medium', '1.0-3'],
        ['npm:left:1', 'low', undefined],
      ]);
    }
  });

  it('is read from what snyk 1.1063.0 answered of an image of ours, by an API of ours', async () => {
    const recorded = await readFile(new URL('recorded/snyk-1.1063.0.json', import.meta.url), 'utf8');
    const said = readSnyk(JSON.parse(recorded));
    expect(short(said)).toEqual([
      ['CVE-2026-1111', 'high', 'openssl', '3.0.15-1', '3.0.16-1'],
      ['SNYK-DEBIAN12-ZLIB-2', 'critical', 'zlib', '1:1.2.13.dfsg-1', undefined],
      ['CVE-2026-3333', 'medium', 'lodash', '4.17.0', undefined],
    ]);
    expect(said.isRecognised).toBe(true);
  });

  it('that nothing was found is not that nothing was known', () => {
    const trivyOf = (result: object) =>
      readTrivy({ SchemaVersion: 2, Metadata: { OS: { Family: 'debian' } }, Results: [result] });
    expect(trivyOf({ Class: 'os-pkgs', Packages: [{ Name: 'x' }] }).isRecognised).toBe(true);
    expect(trivyOf({ Class: 'os-pkgs', Packages: null }).isRecognised).toBe(false);
    expect(readTrivy({ SchemaVersion: 2 }).isRecognised).toBe(false);
    expect(readGrype({ ...grype, matches: [], distro: { name: '' } }).isRecognised).toBe(false);
    expect(readSnyk({ vulnerabilities: [], ok: true, dependencyCount: 0 }).isRecognised).toBe(false);
    expect(readSnyk({ vulnerabilities: [], ok: true, dependencyCount: 8 }).isRecognised).toBe(true);
  });

  it.each([
    ['trivy', readTrivy, { ...trivy, SchemaVersion: 3 }],
    ['trivy', readTrivy, []],
    ['trivy', readTrivy, { SchemaVersion: 2, Results: [{ Vulnerabilities: [{ PkgName: 'x' }] }] }],
    ['grype', readGrype, {}],
    ['grype', readGrype, trivy],
    ['grype', readGrype, { ...grype, descriptor: { name: 'syft' } }],
    ['docker scout', readDockerScout, {}],
    ['docker scout', readDockerScout, { ...scout, runs: [] }],
    ['docker scout', readDockerScout, { ...scout, version: '2.0.0' }],
    ['docker scout', readDockerScout, { ...scout, runs: [{ ...scout.runs[0], results: [{ ruleId: 'CVE-1' }] }] }],
    [
      'docker scout',
      readDockerScout,
      { ...scout, runs: [{ ...scout.runs[0], invocations: [{ executionSuccessful: false }] }] },
    ],
    ['snyk', readSnyk, { ok: false, error: 'Authentication failed', path: 'x' }],
    ['snyk', readSnyk, []],
  ])('another document than the one of %s is refused', (_name, read, json) => {
    expect(() => read(json)).toThrow();
  });
});

describe('findings', () => {
  const one = (id: string, severity: string, fixedIn?: string) =>
    finding({ id, severity, package: 'p', installed: '1', fixedIn });

  it('stand the worst first, each once, counted with what can be repaired', () => {
    const all = [one('b', 'low'), one('a', 'HIGH', '2'), one('a', 'HIGH', '2'), one('c', 'odd'), one('d', 'Critical')];
    const { counts, findings, leftOut } = summed(all);
    expect(findings.map(({ id }) => id)).toEqual(['d', 'a', 'b', 'c']);
    expect(counts).toEqual({
      critical: { found: 1, fixable: 0 },
      high: { found: 1, fixable: 1 },
      medium: { found: 0, fixable: 0 },
      low: { found: 1, fixable: 0 },
      unknown: { found: 1, fixable: 0 },
    });
    expect(leftOut).toBe(0);
  });

  it('are as bad as the worst of those who name the same, in whichever order', () => {
    const twice = [one('a', 'critical', '2'), one('a', 'low'), one('a', 'odd')];
    for (const all of [twice, twice.toReversed()]) {
      const { counts, findings } = summed(all);
      expect(findings.map(({ id, severity, fixedIn }) => [id, severity, fixedIn])).toEqual([['a', 'critical', '2']]);
      expect(counts.critical).toEqual({ found: 1, fixable: 1 });
    }
  });

  it('are counted all and kept up to a number', () => {
    const many = Array.from({ length: 2500 }, (_, i) => one(`CVE-${i}`, 'low'));
    const { counts, findings, leftOut } = summed([...many, one('last', 'high')]);
    expect([findings.length, leftOut, counts.low.found, findings[0]?.id]).toEqual([2000, 501, 2500, 'last']);
  });

  it('carry nothing that acts on a terminal', () => {
    const sly = finding({
      id: '\u001b[2J',
      severity: 'low',
      package: 'a\nb',
      installed: 'x'.repeat(900),
      fixedIn: ' ',
    });
    expect(sly).toEqual({
      ...{ id: '\\u{1b}[2J', severity: 'low', package: 'a | b' },
      installed: `${'x'.repeat(120)}…`,
    });
  });
});
