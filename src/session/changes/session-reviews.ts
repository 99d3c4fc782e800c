import { PaddockError } from '../../core/errors.js';
import { allOver } from '../../kit/all-over.js';
import { chooseChanges } from '../../policy/choose-changes.js';
import type { Review } from '../../workspace/changes/change.js';
import { Differ } from '../../workspace/changes/diff.js';
import { gitViewOf } from '../../workspace/changes/git-view.js';
import { type Layer, openedLayer } from '../../workspace/changes/layer.js';
import { ProjectGit } from '../../workspace/changes/project-git.js';
import { heldByContent } from './held-by-content.js';
import { type ReviewReport, reviewReport } from './review-report.js';
import { shownReview } from './shown-review.js';
import { type WithheldHere, withheldHere } from './withheld-here.js';

export interface SessionReviewsOptions extends WithheldHere {
  /** Errors: NO_SUCH_SESSION. */
  readonly layerOf: (id: string) => Promise<{ readonly layer: Layer }>;
  readonly review: (layer: Layer, signal: AbortSignal) => Promise<Review>;
}

/** A report, and what compares the files in it. Whoever has one disposes of it. */
export interface OpenReview extends AsyncDisposable {
  readonly report: ReviewReport;
  readonly differ: Differ;
}

/** Shows what sessions of this user have changed beside their projects, running or over, whoever holds them. */
export class SessionReviews {
  readonly #options: SessionReviewsOptions;

  constructor(options: SessionReviewsOptions) {
    this.#options = options;
  }

  /**
   * `paths`: what is shown, as paths, folders or patterns; none: everything. Errors: NO_SUCH_SESSION where a session has nothing of the kind,
   * BAD_ARGUMENT for a path at which nothing was changed, and those of `changesOf`.
   */
  async open(id: string, paths: readonly string[], signal: AbortSignal): Promise<OpenReview> {
    const { layer: closed } = await this.#options.layerOf(id);
    const opened = await openedLayer(closed, signal);
    try {
      const { report, differ } = await this.#look(id, opened.layer, paths, signal);
      const close = async () => {
        try {
          await differ[Symbol.asyncDispose]();
        } finally {
          await opened[Symbol.asyncDispose]();
        }
      };
      return { report, differ, [Symbol.asyncDispose]: close };
    } catch (error) {
      await opened[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #look(id: string, layer: Layer, paths: readonly string[], signal: AbortSignal) {
    const git = new ProjectGit(layer.project.source, this.#options.env, signal);
    // What the project points to says nothing about the changes: neither waits for the other.
    const [found, places] = await allOver([
      this.#options.review(layer, signal),
      withheldHere(layer.project, this.#options, git, signal),
    ]);
    const review = await shownReview(layer, found);
    const chosen = await chooseChanges(review.changes, { paths, all: false, overwrite: [] }, places, signal);
    if (chosen.unknown.length > 0) {
      throw new PaddockError(
        'BAD_ARGUMENT',
        `the session has changed nothing at ${chosen.unknown.slice(0, 10).join(', ')}`,
      );
    }
    const { meant: changes } = chosen;
    const [view, byContent] = await allOver([
      gitViewOf(changes, git, signal),
      heldByContent(layer, changes, places, signal),
    ]);
    const report = await reviewReport(review, changes, { sessionId: id, git: view, places, byContent, signal });
    const differ = await Differ.open(layer);
    return { report, differ };
  }
}
