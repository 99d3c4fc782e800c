import { type KnownHole, knownHoles, type Repaired } from './known-versions.js';

/**
 * The holes that a version has by its number; one that can't be read has them all. What Debian's package repaired under the number, as
 * `debianVersion` says, is left out.
 */
export function holesOf(program: string, version: string, debianVersion?: string): readonly KnownHole[] {
  return knownHoles.filter(
    (hole) =>
      hole.program === program &&
      !isAtFloor(version, hole.repaired) &&
      (hole.since === undefined || isAtFloor(version, [hole.since])) &&
      !(hole.debian ?? []).some((repaired) => hasDebianRepair(version, debianVersion, repaired)),
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

/** Only revisions of the very release are compared, and only where it is what runs: another program may come before the package's in PATH. */
function hasDebianRepair(version: string, installed: string | undefined, repaired: string): boolean {
  const [runs, has, wants] = [numbers(version), halves(installed ?? ''), halves(repaired)];
  const packaged = numbers(has.release);
  if (runs === undefined || packaged === undefined || compare(runs, packaged) !== 0) return false;
  if (has.release !== wants.release || has.revision.includes('~')) return false;
  const [mine, theirs] = [has, wants].map(({ revision }) => revision.match(/\d{1,9}/g)?.map(Number) ?? []);
  for (const [index, wanted] of (theirs ?? []).entries()) {
    const difference = (mine?.[index] ?? 0) - wanted;
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/** `1.1.5+ds1-1+deb12u1`: the project's release with what Debian left out of it, and the revision of the package; an epoch is dropped. */
function halves(text: string): { readonly release: string; readonly revision: string } {
  const bare = text.replace(/^\d+:/, '');
  const at = bare.lastIndexOf('-');
  return at < 0 ? { release: bare, revision: '' } : { release: bare.slice(0, at), revision: bare.slice(at + 1) };
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
