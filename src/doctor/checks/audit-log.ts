import { dirname } from 'node:path';
import { listLogFiles } from '../../audit/log-files.js';
import { verifyAudit } from '../../audit/verify.js';
import type { VerifyReport } from '../../audit/verify-report.js';
import { formatBytes } from '../../core/units.js';
import { type DoctorCheck, type DoctorContext, type FileFacts, type Finding, fail, pass, warn } from '../context.js';
import { word } from '../shell.js';

const mostVerifiedBytes = 64 * 1024 * 1024;

/** Without a log that can be written nothing is done; without one that verifies it proves nothing. */
export const auditLogCheck: DoctorCheck = {
  id: 'audit-log',
  title: 'The audit log can be written and verifies',
  timeoutMs: 30_000,
  async run(ctx, signal) {
    const { auditLog } = ctx.paths;
    const files = await logFacts(ctx, auditLog);
    // An anchor knows a log that somebody has removed.
    const hasAnchor = ctx.anchor !== undefined && (await ctx.files.facts(ctx.anchor.path)) !== undefined;
    if (files.length === 0 && !hasAnchor) return await notYetThere(ctx, auditLog);
    const refused = files.map(([path, facts]) => judgeFile(ctx, path, facts)).find((finding) => finding !== undefined);
    const sizeBytes = files.reduce((sum, [, facts]) => sum + facts.sizeBytes, 0);
    return refused ?? (await judgeContent(ctx, sizeBytes, hasAnchor, signal));
  },
};

async function logFacts(ctx: DoctorContext, path: string): Promise<[string, FileFacts][]> {
  const paths = new Set([path, ...listLogFiles(path).map((file) => file.path)]);
  const found: [string, FileFacts][] = [];
  for (const one of paths) {
    const facts = await ctx.files.linkFacts(one);
    if (facts !== undefined) found.push([one, facts]);
  }
  return found;
}

async function notYetThere(ctx: DoctorContext, path: string): Promise<Finding> {
  const folder = dirname(path);
  const exists = (await ctx.files.facts(folder)) !== undefined;
  if (exists && !(await ctx.files.isWritable(folder)))
    return fail(`${folder} is not writable`, `chmod u+rwx ${word(folder)}`);
  if (!exists && !folder.startsWith(ctx.paths.stateDir))
    return fail(`${folder} does not exist`, `mkdir -p -m 700 ${word(folder)}`);
  return pass(`${path} is made with the first action`);
}

function judgeFile(ctx: DoctorContext, path: string, facts: FileFacts): Finding | undefined {
  const aside = `mv ${word(path)} ${word(`${path}.aside`)}`;
  if (facts.kind !== 'file') return fail(`${path} is not a file but a ${facts.kind}`, aside);
  if (facts.uid !== ctx.user.uid) return fail(`${path} belongs to uid ${facts.uid}, who could rewrite it`, aside);
  if ((facts.mode & 0o177) === 0) return undefined;
  return fail(`${path} has mode 0${(facts.mode & 0o777).toString(8)}`, `chmod 600 ${word(path)}`);
}

async function judgeContent(
  ctx: DoctorContext,
  sizeBytes: number,
  hasAnchor: boolean,
  signal: AbortSignal,
): Promise<Finding> {
  const path = ctx.paths.auditLog;
  const size = formatBytes(sizeBytes);
  if (sizeBytes > mostVerifiedBytes) return warn(`${path}, ${size}: too large to verify here`, 'paddock audit verify');
  const checkpoints = hasAnchor ? ctx.anchor?.read : undefined;
  const report = await verifyAudit(path, { signal, ...(checkpoints === undefined ? {} : { checkpoints }) });
  if (report.ok)
    return held(ctx, report, `${path}, ${size}: ${report.records} records in ${report.chainCount} chains verify`);
  const bad = report.firstBad;
  return fail(
    `${path} does not verify: ${bad?.file ?? ''} line ${bad?.line ?? 0}, ${bad?.reason ?? 'unknown'}`,
    `Keep it as it is and start a new one: mv ${word(path)} ${word(`${path}.suspect`)} (and the same with every other file of it, and the anchor where one is set); then find out who changed it.`,
  );
}

/** A log that verifies by itself may have lost its end. */
function held({ anchor }: DoctorContext, { heldAgainst = [] }: VerifyReport, evidence: string): Finding {
  if (anchor === undefined) return pass(`${evidence}; without an anchor, so a cut end is not seen`);
  const found = heldAgainst[0]?.checkpoints ?? 0;
  if (found > 0) return pass(`${evidence}, against ${found} checkpoints of ${anchor.path}`);
  return warn(
    `${evidence}, and ${anchor.path} has no checkpoint of it`,
    'paddock run -- true (each process leaves one when it ends); where there had been some, somebody removed them.',
  );
}
