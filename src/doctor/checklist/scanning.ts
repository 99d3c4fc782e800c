import { formatDuration } from '../../core/units.js';
import { type DoctorCheck, type DoctorContext, type Finding, pass, unknown, warn } from '../context.js';
import { word } from '../shell.js';

/** A scanner is there, the policy asks for scans, and there are young ones. */
export const scanningCheck: DoctorCheck = {
  id: 'scanning',
  title: 'Images are scanned',
  async run(ctx) {
    return [
      { part: 'scanner', title: 'A scanner of images is installed', ...(await scanner(ctx)) },
      { part: 'policy', title: 'No session of an image without a scan', ...policy(ctx) },
      { part: 'age', title: 'Scans are young', ...(await ages(ctx)) },
    ];
  },
};

/** The host image shows the host's own programs: where only that may run, there is no image to scan. */
const onlyHost = 'only the host image may run, which has nothing to scan';

function runsOnlyHost({ sitePolicy }: DoctorContext): boolean {
  return sitePolicy.images.length === 0;
}

/** What sessions of a server in a container are judged by is in the folder that it has for itself while it lives. */
function fromHost({ paths }: DoctorContext): string {
  return `on the host, while this server is stopped, PADDOCK_STATE_DIR=${word(paths.stateDir)} paddock image scan`;
}

async function scanner(ctx: DoctorContext): Promise<Finding> {
  const names = await ctx.scanners();
  if (names.length > 0) return pass(names.join(', '));
  if (runsOnlyHost(ctx)) return pass(`none; ${onlyHost}`);
  if (ctx.isContained) {
    const evidence = "none in this container; which ones the host has can't be seen";
    return unknown(evidence, `On the host, as the same user: \`paddock doctor --checklist\`. Scans: ${fromHost(ctx)}`);
  }
  return warn('none is installed', 'Install trivy, grype, docker scout or snyk (docs/scanning.md).');
}

function policy(ctx: DoctorContext): Finding {
  if (runsOnlyHost(ctx)) return pass(onlyHost);
  const { scan, maxSeverity, maxScanAgeMs, unscanned } = ctx.sitePolicy.imageRules;
  const except = unscanned.length === 0 ? '' : `, but for ${unscanned.join(', ')}`;
  const evidence = `scan = ${scan}, max_severity = ${maxSeverity}, max_age = ${formatDuration(maxScanAgeMs)}${except}`;
  if (scan === 'require') return pass(evidence);
  return warn(evidence, 'Write scan = "require" below [images] of the site policy (docs/scanning.md).');
}

async function ages(ctx: DoctorContext): Promise<Finding> {
  if (runsOnlyHost(ctx)) return pass(onlyHost);
  const scans = await ctx.lastScans();
  const ofEach = 'REFERENCE, for every image that is in use, and from a timer';
  const remedy = ctx.isContained ? `${fromHost(ctx)} ${ofEach}` : `paddock image scan ${ofEach}`;
  if (scans.length === 0) return warn('no image has been scanned', remedy);
  const { maxScanAgeMs } = ctx.sitePolicy.imageRules;
  const now = ctx.clock.now();
  const old = scans.filter(({ scannedAtMs }) => now - scannedAtMs > maxScanAgeMs);
  const evidence = `${scans.length} images scanned, ${old.length} of them more than ${formatDuration(maxScanAgeMs)} ago`;
  return old.length === 0 ? pass(evidence) : warn(`${evidence}: ${old.map((one) => one.reference).join(', ')}`, remedy);
}
