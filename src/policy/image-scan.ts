import {
  type ImageRules,
  type ImageScan,
  type Severity,
  type SeverityCeiling,
  severities,
  severityCeilings,
} from '../core/image-scan.js';
import { formatDuration } from '../core/units.js';
import { checkReference, hostImage, isListed } from './image.js';
import type { RuleId } from './rules.js';
import { type Denied, deny, settle } from './verdict.js';

export interface ScannedImage {
  readonly reference: string;
  /** The last there is; absent: none. */
  readonly scan: ImageScan | undefined;
  readonly nowMs: number;
}

export type ScanVerdict = { readonly verdict: 'allow'; readonly notes: readonly string[] } | Denied;

interface Problem {
  readonly ruleId: RuleId;
  readonly detail: string;
}

/** A note and no refusal: to an old scanner a distribution that is too new for it is one that has ended. */
export const endOfLifeText =
  'by the scanner its distribution is repaired no more, or not known yet: what it does not find may be there all the same';

/** A clock that was set back must not make a scan young for ever. */
const mostAheadMs = 60 * 60_000;

/** Whether a session may be made of an image, by what a scanner said of it (`image.scan-*`). With `warn` what is wrong is a note. */
export function judgeScan(image: ScannedImage, rules: ImageRules): ScanVerdict {
  return settle<ScanVerdict>(() => {
    if (rules.scan === 'off' || isListed(image.reference, rules.unscanned)) return { verdict: 'allow', notes: [] };
    const problem = problemOf(image, rules);
    if (problem === undefined) return { verdict: 'allow', notes: [] };
    if (rules.scan === 'require') deny(problem.ruleId, problem.detail);
    return { verdict: 'allow', notes: [`${problem.detail} (rule ${problem.ruleId}, which only warns here)`] };
  });
}

/** Whether that is an image that a scanner can be shown: `host` is none, it has the host's own programs in it. */
export function decideScan(reference: string): { readonly verdict: 'allow'; readonly isApplicable: boolean } | Denied {
  return settle(() => {
    if (reference === hostImage) return { verdict: 'allow', isApplicable: false } as const;
    checkReference(reference);
    return { verdict: 'allow', isApplicable: true } as const;
  });
}

function problemOf({ reference, scan, nowMs }: ScannedImage, rules: ImageRules): Problem | undefined {
  if (scan === undefined) return { ruleId: 'image.scan-missing', detail: `image ${reference} has not been scanned` };
  const { name } = scan.scanner;
  if (!scan.isRecognised)
    return { ruleId: 'image.scan-missing', detail: `${name} knows nothing of what is in image ${reference}` };
  const { scannedAtMs, databaseAtMs = scannedAtMs } = scan;
  const isTimely = (atMs: number) => nowMs - atMs <= rules.maxScanAgeMs && nowMs - atMs >= -mostAheadMs;
  const old = (atMs: number) => (atMs > nowMs ? 'is of the future' : `is ${formatDuration(nowMs - atMs)} old`);
  if (!isTimely(scannedAtMs)) {
    return { ruleId: 'image.scan-age', detail: `the scan of image ${reference} ${old(scannedAtMs)}` };
  }
  if (!isTimely(databaseAtMs)) {
    const detail = `what ${name} knew when it scanned image ${reference} ${old(databaseAtMs)}`;
    return { ruleId: 'image.scan-age', detail };
  }
  return tooSevere(reference, scan, rules.maxSeverity);
}

function tooSevere(reference: string, scan: ImageScan, most: SeverityCeiling): Problem | undefined {
  const above = severities.filter((severity) => weight(severity) > severityCeilings.indexOf(most));
  const counted = above
    .map((severity) => [severity, scan.counts[severity]] as const)
    .filter(([, { found }]) => found > 0);
  if (counted.length === 0) return undefined;
  const numbers = counted
    .reverse()
    .map(([severity, { found, fixable }]) => `${found} ${severity} (${fixable} fixable)`);
  const worst = scan.findings.filter(({ severity }) => above.includes(severity)).slice(0, 5);
  const ids = [...new Set(worst.map(({ id }) => id))].join(', ');
  return { ruleId: 'image.scan-severity', detail: `image ${reference} has ${numbers.join(', ')}: ${ids}` };
}

/** What could not be rated counts as medium: as nothing it would pass every gate, as critical none would ever open. */
function weight(severity: Severity): number {
  return severityCeilings.indexOf(severity === 'unknown' ? 'medium' : severity);
}
