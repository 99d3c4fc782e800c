import type { AuditFields, AuditRecorder } from '../../audit/audit-log.js';
import { audited } from '../../audit/audited.js';
import { digest, digestOfList, plain } from '../../audit/redaction.js';
import type { SessionId } from '../../core/ids.js';
import { allOver } from '../../kit/all-over.js';
import { mapInTurns, Turns } from '../../kit/turns.js';
import type { ApplyRequest, ShownChoice } from '../../policy/change-requests.js';
import { chooseChanges } from '../../policy/choose-changes.js';
import { isJudgedByContent, verdictOnContent } from '../../policy/withheld-content.js';
import { applyChanges } from '../../workspace/apply/apply.js';
import type { ContentJudge } from '../../workspace/apply/content-judge.js';
import type { Review } from '../../workspace/changes/change.js';
import { type Layer, openedLayer } from '../../workspace/changes/layer.js';
import { ProjectGit } from '../../workspace/changes/project-git.js';
import { type ApplyReport, leftByPlace, reportOf } from './apply-report.js';
import { withLayer } from './own-layer.js';
import { recordFiles } from './record-files.js';
import { expectReviewed, refuseUnknown, shownReview } from './shown-review.js';
import { type WithheldHere, withheldHere } from './withheld-here.js';

/** What it takes to work on a session's changes. */
export interface LayerParts extends WithheldHere {
  readonly audit: AuditRecorder;
  /** Looks at a layer as it is now. */
  readonly review: (layer: Layer, signal: AbortSignal) => Promise<Review>;
}

/** What a caller asks for, or what somebody chose of what they were shown. */
export type ShownRequest = ApplyRequest & { readonly exactly?: ShownChoice };

/**
 * Applies what is asked for of a session's changes to its project, and says what became of each. Errors: BAD_ARGUMENT, LAYER_BUSY,
 * REVIEW_OUTDATED, PROJECT_UNWRITABLE, AUDIT_UNWRITABLE, those of the review.
 */
export function applyLayer(
  session: SessionId,
  layer: Layer,
  request: ShownRequest,
  parts: LayerParts,
  signal: AbortSignal,
): Promise<ApplyReport> {
  // Writes nothing, and so finishes nothing that a crash has left either.
  if (request.dry_run === true) return apply(session, layer, request, parts, signal);
  const run = () => withLayer(layer, { ...parts, session }, () => apply(session, layer, request, parts, signal));
  return audited(parts.audit, {
    action: 'changes.apply',
    session,
    details: intentOf(request),
    run: async () => {
      const report = await run();
      await recordFiles({ audit: parts.audit, session }, report.applied, false);
      return report;
    },
    describe: async ({ applied, same, left }) => ({
      applied: applied.length,
      same: same.length,
      left: left.length,
      files: await digestOfList(applied),
    }),
  });
}

async function apply(session: SessionId, closed: Layer, request: ShownRequest, parts: LayerParts, signal: AbortSignal) {
  await using open = await openedLayer(closed, signal);
  const report = await applyOpen(session, open.layer, request, parts, signal);
  if (request.dry_run !== true) await open.keepNotes();
  return report;
}

async function applyOpen(
  session: SessionId,
  layer: Layer,
  request: ShownRequest,
  parts: LayerParts,
  signal: AbortSignal,
) {
  const { exactly, paths = [], all = false, overwrite = [], reviewed, dry_run: isDry = false } = request;
  const git = new ProjectGit(layer.project.source, parts.env, signal);
  const [found, places] = await allOver([parts.review(layer, signal), withheldHere(layer.project, parts, git, signal)]);
  const review = await shownReview(layer, found);
  await expectReviewed([found, review], reviewed);
  const choice = await chooseChanges(review.changes, { paths, all, overwrite, exactly }, places, signal);
  refuseUnknown(choice.unknown);
  const outcomes = await applyChanges(layer, choice.changes, {
    ...{ all: review.changes, overwrite: new Set(overwrite), isDry, signal },
    judge: contentJudge(choice.named),
  });
  const withheld = await mapInTurns(choice.withheld, new Turns(), (one) => leftByPlace(one.change.path, one.verdict));
  return reportOf(outcomes, withheld, { sessionId: session, dryRun: isDry, isComplete: review.isComplete });
}

/** Withholds what says what is run, where that differs. */
function contentJudge(named: ReadonlySet<string>): ContentJudge {
  return { concerns: (path) => isJudgedByContent(path) && !named.has(path), judge: verdictOnContent };
}

function intentOf(request: ShownRequest): AuditFields['details'] & object {
  const { exactly, all = false, overwrite = [], reviewed } = request;
  const paths = exactly?.paths ?? request.paths;
  return {
    chosen: all || paths === undefined ? 'all' : paths.length,
    paths: digest(paths ?? []),
    overwrite: overwrite.length,
    ...(reviewed === undefined ? {} : { reviewed: plain(reviewed) }),
  };
}
