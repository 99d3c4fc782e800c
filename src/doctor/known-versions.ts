/**
 * The one place where versions are known to be good or bad: everything that says so reads it here. From the projects' advisories and release notes as
 * of November 2026. A list of versions names, line by line, the first that has a repair: a version has it when it is at or above the entry of its own major
 * and minor, or above the last entry.
 */
export type Repaired = readonly string[];

/** The earliest release of each line that has every known repair. */
export const floors: Readonly<Record<string, Repaired>> = {
  podman: ['5.8.10', '6.2.0'],
  docker: ['29.7.0'],
  runc: ['1.3.6', '1.4.3', '1.5.0'],
  crun: ['1.28'],
};

export interface KnownHole {
  readonly program: 'podman' | 'docker' | 'runc' | 'crun' | 'linux';
  readonly cves: readonly string[];
  readonly repaired: Repaired;
  /** The first version that has it; absent: all before the repair. */
  readonly since?: string;
  /** Ends the sentence "lets …". */
  readonly lets: string;
}

export const knownHoles: readonly KnownHole[] = [
  {
    ...{ program: 'podman', cves: ['CVE-2026-123876'], repaired: ['5.8.10', '6.2.0'] },
    lets: 'programs open sockets that the default filter denies',
  },
  {
    ...{ program: 'podman', cves: ['CVE-2026-57231'], repaired: ['5.8.4', '6.0.0'] },
    lets: "an image copy variables out of the engine's own environment",
  },
  {
    ...{ program: 'podman', cves: ['CVE-2026-55686'], repaired: ['5.7.1'] },
    lets: 'an image have folders made on the host, by a link as its working directory',
  },
  {
    ...{ program: 'podman', cves: ['CVE-2024-9676'], repaired: ['5.2.5'] },
    lets: 'an image have the engine read what its /etc/passwd leads to',
  },
  {
    ...{ program: 'docker', cves: ['CVE-2026-17106'], repaired: ['29.7.0'] },
    lets: 'an archive write outside of where it is unpacked',
  },
  {
    ...{ program: 'docker', cves: ['CVE-2026-41567', 'CVE-2026-41568', 'CVE-2026-42306'], repaired: ['29.5.1'] },
    lets: 'a container run programs as the daemon, or write on the host, when files are copied',
  },
  {
    ...{ program: 'docker', cves: ['CVE-2024-29018'], repaired: ['23.0.11', '25.0.5', '26.0.0'] },
    lets: 'names be looked up outside from an internal network',
  },
  {
    ...{ program: 'runc', cves: ['CVE-2026-41579'], repaired: ['1.3.6', '1.4.3', '1.5.0'] },
    lets: 'an image redirect what is set up below /dev',
  },
  {
    ...{ program: 'runc', cves: ['CVE-2025-31133', 'CVE-2025-52565', 'CVE-2025-52881'] },
    ...{ repaired: ['1.2.8', '1.3.3', '1.4.0'], lets: 'a container out by races over masked paths and /dev' },
  },
  {
    ...{ program: 'runc', cves: ['CVE-2024-21626'], repaired: ['1.1.12'] },
    lets: 'a container out through a folder that was left open',
  },
  {
    ...{ program: 'crun', cves: ['CVE-2026-47766'], repaired: ['1.28'] },
    lets: 'an image redirect what is set up below /dev',
  },
  {
    ...{ program: 'crun', cves: ['CVE-2026-30892'], repaired: ['1.27'] },
    lets: 'a command run as another user than was asked for',
  },
  {
    ...{ program: 'linux', cves: ['CVE-2024-1086'], since: '3.15' },
    ...{ repaired: ['5.15.149', '6.1.76', '6.6.15', '6.7.3', '6.8'], lets: 'a user become root through nf_tables' },
  },
  {
    ...{ program: 'linux', cves: ['CVE-2022-0847'], since: '5.8', repaired: ['5.10.102', '5.15.25', '5.16.11'] },
    lets: 'anybody write into files that can only be read',
  },
];

/** The holes that a version has by its number; one that can't be read has them all. */
export function holesOf(program: string, version: string): readonly KnownHole[] {
  return knownHoles.filter(
    (hole) =>
      hole.program === program &&
      !isAtFloor(version, hole.repaired) &&
      (hole.since === undefined || isAtFloor(version, [hole.since])),
  );
}

/** A version that can't be read counts as below. */
export function isAtFloor(version: string, floor: Repaired): boolean {
  const parts = numbers(version);
  if (parts === undefined) return false;
  const bases = floor.map((text) => numbers(text) ?? zero);
  const last = bases.at(-1);
  if (last !== undefined && compare(parts, last) >= 0) return true;
  return bases.some((base) => base[0] === parts[0] && base[1] === parts[1] && compare(parts, base) >= 0);
}

type Triple = readonly [number, number, number];

const zero: Triple = [0, 0, 0];

function numbers(version: string): Triple | undefined {
  const match = /^v?(\d{1,9})\.(\d{1,9})(?:\.(\d{1,9}))?/.exec(version);
  return match ? [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)] : undefined;
}

function compare(a: Triple, b: Triple): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}
