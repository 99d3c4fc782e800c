import { type ScanCounts, type ScanFinding, type Severity, severities } from '../../core/image-scan.js';
import { safeLine } from '../../kit/safe-text.js';

/** What the document of a scanner says, whichever wrote it. */
export interface ScannerReport {
  readonly version?: string | undefined;
  /** From when is what its database knows; undefined: it does not say. */
  readonly databaseAtMs?: number | undefined;
  readonly isRecognised: boolean;
  readonly isEndOfLife: boolean;
  readonly findings: readonly ScanFinding[];
}

const mostListed = 2000;

/** A time of a scanner's document; undefined where that is none, or the zero of Go. */
export function timeOf(text: string | undefined): number | undefined {
  const ms = Date.parse(text ?? '');
  return ms > 0 ? ms : undefined;
}

/** Scanners write severities in every casing; `negligible` is Debian's and Ubuntu's word for less than low. */
export function severityOf(text: string | undefined): Severity {
  const word = text?.toLowerCase();
  if (word === 'negligible') return 'low';
  return severities.find((severity) => severity === word) ?? 'unknown';
}

/** One finding, its texts cut and made safe: they come from an image and from a database, and go to a terminal and a model. */
export function finding(one: {
  readonly id: string;
  readonly severity: string | undefined;
  readonly package: string | undefined;
  readonly installed: string | undefined;
  readonly fixedIn: string | undefined;
}): ScanFinding {
  const fixedIn = safeLine(one.fixedIn ?? '', 120);
  return {
    id: safeLine(one.id, 80),
    severity: severityOf(one.severity),
    package: safeLine(one.package ?? '', 200),
    installed: safeLine(one.installed ?? '', 120),
    ...(fixedIn === '' ? {} : { fixedIn }),
  };
}

/** Each once, the worst first, counted, and as many of them as are kept. */
export function summed(all: readonly ScanFinding[]): {
  readonly counts: ScanCounts;
  readonly findings: readonly ScanFinding[];
  readonly leftOut: number;
} {
  const mildFirst = [...all].sort((a, b) => rank(a) - rank(b));
  // The same hole by several paths of dependencies is one, and as bad as any of its sources has it: a scanner may name two.
  const once = [...new Map(mildFirst.map((one) => [`${one.id}\n${one.package}\n${one.installed}`, one])).values()];
  const sorted = once.sort((a, b) => rank(b) - rank(a) || order(a.id, b.id) || order(a.package, b.package));
  const counted = severities.map((severity) => {
    const of = sorted.filter((one) => one.severity === severity);
    const fixable = of.filter((one) => one.fixedIn !== undefined).length;
    return [severity, { found: of.length, fixable }] as const;
  });
  return {
    counts: Object.fromEntries(counted) as ScanCounts,
    findings: sorted.slice(0, mostListed),
    leftOut: Math.max(0, sorted.length - mostListed),
  };
}

const rank = ({ severity }: ScanFinding): number => severities.indexOf(severity);
const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
