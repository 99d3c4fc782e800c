import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { kernelVersionCheck } from '../../../src/doctor/checks/kernel-version.js';
import { debianVersion } from '../../../src/doctor/host-packages.js';
import { floors, knownHoles } from '../../../src/doctor/known-versions.js';
import { holesOf, isAtFloor } from '../../../src/doctor/version-order.js';
import { findings } from './support/host.js';

const cvesOf = (...asked: Parameters<typeof holesOf>) => holesOf(...asked).flatMap(({ cves }) => cves);

describe('the version floor', () => {
  it.each([
    ['5.8.10', true],
    ['5.8.9', false],
    ['6.1.4', false],
    ['6.2.0', true],
    ['6.10.1', true],
    ['7.0', true],
    ['5.9.0', false],
    ['4.3.1+ds1-8', false],
    ['', false],
    ['next', false],
  ])('takes Podman %s: %s', (version, isGood) => {
    expect(isAtFloor(version, ['5.8.10', '6.2.0'])).toBe(isGood);
  });
});

describe('known versions', () => {
  it('have a good release that none of the known holes is in', () => {
    for (const [program, releases] of Object.entries(floors)) {
      for (const release of releases) expect(cvesOf(program, release)).toEqual([]);
    }
    expect(cvesOf('linux', '7.0.1')).toEqual([]);
  });

  it.each([
    ['podman', '5.8.9', ['CVE-2026-123876', 'CVE-2026-111361']],
    ['podman', '5.8.6', ['CVE-2026-123876', 'CVE-2026-111361', 'CVE-2025-11395']],
    ['runc', '1.2.8', ['CVE-2026-41579']],
    ['runc', '1.3.2', ['CVE-2026-41579', 'CVE-2025-31133', 'CVE-2025-52565', 'CVE-2025-52881']],
    ['crun', '1.27.1', ['CVE-2026-47766']],
    ['crun', '1.21', ['CVE-2026-47766', 'CVE-2026-30892']],
    ['linux', '5.4.200', ['CVE-2024-1086']],
    ['linux', '5.10.210', []],
    ['linux', '5.15.20', ['CVE-2025-38236', 'CVE-2024-1086', 'CVE-2022-0847']],
    ['linux', '6.1.80', ['CVE-2025-38236']],
    ['linux', '6.1.36', ['CVE-2025-38236', 'CVE-2024-1086', 'CVE-2023-3269']],
    ['linux', '6.12.36', []],
    ['docker', '28.5.2', ['CVE-2026-17106', 'CVE-2026-41567', 'CVE-2026-41568', 'CVE-2026-42306', 'CVE-2026-34040']],
    ['docker', 'of its own', knownHoles.filter(({ program }) => program === 'docker').flatMap(({ cves }) => cves)],
  ])('%s %s lacks the repairs of %j', (program, version, cves) => {
    expect(cvesOf(program, version)).toEqual(cves);
  });

  it('name CVEs, each once for a program, and where it was looked up', () => {
    const all = knownHoles.flatMap(({ program, cves }) => cves.map((cve) => `${program} ${cve}`));
    expect(all.filter((one) => !/ CVE-20\d\d-\d{4,6}$/.test(one))).toEqual([]);
    expect(new Set(all).size).toBe(all.length);
    const isSource =
      /^(?:GHSA-[\w-]{14}|CVE record|release notes of |CHANGELOG of |NEWS of |Debian changelog of |linux_kernel_cves)/;
    expect(knownHoles.filter(({ source }) => !source.split(/[;,] /).every((part) => isSource.test(part)))).toEqual([]);
  });
});

describe('what a distribution repaired under an old number', () => {
  const escapeOfOld = 'CVE-2024-21626';

  it.each([
    ['1.1.5+ds1-1+deb12u1', false],
    ['1.1.5+ds1-1+deb12u1+b4', false],
    ['1.1.5+ds1-1+deb12u2', false],
    ['1.1.5+ds1-2', false],
    ['1.1.5+ds1-1', true],
    ['1.1.5+ds1-1+b3', true],
    ['1.1.5+ds1-1ubuntu1', true],
    ['1.1.5+ds1-2~bpo12+1', true],
    ['1.1.7+ds1-1+deb12u1', true],
    [undefined, true],
  ])('is told by the package: runc %s has the hole: %s', (installed, has) => {
    expect(cvesOf('runc', '1.1.5+ds1', installed).includes(escapeOfOld)).toBe(has);
  });

  it('does not count for a program of another release than the package is', () => {
    expect(cvesOf('runc', '1.1.4', '1.1.5+ds1-1+deb12u1')).toContain(escapeOfOld);
  });

  it.each([
    [
      '6.1.76-1 (2024-02-01)',
      'warn',
      /6\.12\.0-9-amd64, Debian’s 6\.1\.76, by its number without the repair of CVE-2025-38236, /,
    ],
    ['6.12.85-1', 'pass', /Debian’s 6\.12\.85 /],
  ])('shows in the version of Debian’s kernels: %s', async (made, status, evidence) => {
    const texts = {
      '/proc/sys/kernel/osrelease': '6.12.0-9-amd64\n',
      '/proc/sys/kernel/version': `#1 SMP PREEMPT_DYNAMIC Debian ${made}\n`,
    };
    const [found] = await findings(kernelVersionCheck, { texts });
    expect(found?.status).toBe(status);
    expect(found?.evidence).toMatch(evidence);
  });
});

describe('the version of a package', () => {
  it('is that of an installed one by just that name, and nothing without a database', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'paddock-dpkg-'));
    const database = join(folder, 'status');
    const entry = (name: string, status: string, version: string): string =>
      `Package: ${name}\nStatus: ${status}\nMaintainer: x\nVersion: ${version}\nDescription: y\n Version: 9\n`;
    const entries = [
      entry('runc-dev', 'install ok installed', '7'),
      entry('runc', 'install ok installed', '1.1.5+ds1-1+deb12u1'),
      entry('crun', 'deinstall ok config-files', '1.8'),
    ];
    try {
      await writeFile(database, entries.join('\n'));
      expect(await debianVersion('runc', database)).toBe('1.1.5+ds1-1+deb12u1');
      expect(await debianVersion('crun', database)).toBeUndefined();
      expect(await debianVersion('podman', database)).toBeUndefined();
      expect(await debianVersion('runc', join(folder, 'none'))).toBeUndefined();
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
