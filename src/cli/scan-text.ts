import { type ImageScan, type ScanMode, type Severity, severities } from '../core/image-scan.js';
import { formatDuration } from '../core/units.js';
import { endOfLifeText, type ScanVerdict } from '../policy/image-scan.js';
import { table } from './output.js';

const mostRows = 40;
const worstFirst: readonly Severity[] = [...severities].reverse();

/** A scan for people: when and by what, how many of each severity, the worst of them, and what policy makes of it. */
export function scanText(scan: ImageScan, verdict: ScanVerdict, mode: ScanMode, nowMs: number): string {
  const { reference, imageId, scanner, counts, findings, leftOut } = scan;
  const numbers = worstFirst
    .filter((severity) => counts[severity].found > 0)
    .map((severity) => `${counts[severity].found} ${severity} (${counts[severity].fixable} fixable)`);
  const shown = findings.slice(0, mostRows);
  const more = findings.length - shown.length + leftOut;
  const rows = shown.map((one) => [
    one.severity,
    one.id,
    one.package,
    one.installed,
    one.fixedIn ?? 'not repaired yet',
  ]);
  return [
    `${reference}  ${imageId.replace(/^sha256:/, '').slice(0, 12)}`,
    `${`scanned ${ago(nowMs - scan.scannedAtMs)} ago by ${scanner.name} ${scanner.version ?? ''}`.trim()}${databaseText(scan)}`,
    ...(scan.isRecognised ? [] : ['the scanner knows nothing of what is in it: that it found nothing says nothing']),
    ...(scan.isEndOfLife ? [endOfLifeText] : []),
    numbers.length === 0 ? 'nothing found' : numbers.join(', '),
    ...(rows.length === 0 ? [] : [table([['SEVERITY', 'ID', 'PACKAGE', 'INSTALLED', 'FIXED IN'], ...rows])]),
    ...(more > 0 ? [`and ${more} more${leftOut > 0 ? '' : ', all of them with --json'}`] : []),
    mode === 'off' ? 'policy: asks nothing of scans (images.scan = off)' : verdictText(verdict),
  ].join('\n');
}

function databaseText({ scannedAtMs, databaseAtMs }: ImageScan): string {
  if (databaseAtMs === undefined) return '';
  if (databaseAtMs > scannedAtMs) return ', whose database says that it is of the future';
  return `, whose database was ${ago(scannedAtMs - databaseAtMs)} old`;
}

const ago = (ms: number): string => formatDuration(Math.max(0, ms));

function verdictText(verdict: ScanVerdict): string {
  if (verdict.verdict === 'deny') return `policy: no session is made of it: ${verdict.reason} (rule ${verdict.ruleId})`;
  return verdict.notes.length === 0 ? 'policy: has nothing against it' : `policy: ${verdict.notes.join('; ')}`;
}
