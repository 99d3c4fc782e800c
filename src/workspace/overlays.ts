import { join } from 'node:path';
import type { CopyOnWriteWay } from '../core/spec.js';
import type { ApprovedMount } from './approve.js';
import { workspaceUnavailable } from './project-copy.js';
import { type OverlayAnswer, type TryOverlay, tryOverlay } from './try-overlay.js';

export interface OverlaysOptions extends Pick<TryOverlay, 'program'> {
  readonly way: CopyOnWriteWay;
  /** Default: asks the kernel. */
  readonly attempt?: typeof tryOverlay;
}

/** By which means a project is shown copy-on-write here. The kernel is asked once for each file system that projects lie on. */
export class Overlays {
  readonly #options: OverlaysOptions;
  readonly #answers = new Map<string, OverlayAnswer>();

  constructor(options: OverlaysOptions) {
    this.#options = options;
  }

  /**
   * Why a project has to be copied; undefined where it is shown through an overlay. `layerFolder`: what is to take the writing, a real path. Errors:
   * WORKSPACE_UNAVAILABLE where neither may be done, an AbortError.
   */
  async reasonToCopy(
    project: Pick<ApprovedMount, 'source' | 'dev'>,
    layerFolder: string,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { way } = this.#options;
    if (way === 'copy') return 'as the settings say';
    const { can, why } = await this.#answerFor(project, layerFolder, signal);
    // What may not be tried is the engine's to say.
    if (can !== 'no') return undefined;
    if (way === 'auto') return `no overlay can be had here: ${why}`;
    throw workspaceUnavailable(`no overlay can be put over ${project.source}: ${why}`);
  }

  async #answerFor(
    { source, dev }: Pick<ApprovedMount, 'source' | 'dev'>,
    layerFolder: string,
    signal: AbortSignal,
  ): Promise<OverlayAnswer> {
    const { attempt = tryOverlay, program } = this.#options;
    const known = this.#answers.get(dev);
    if (known !== undefined) return known;
    // In the layer, so that what a crash leaves of it goes with that.
    const answer = await attempt(source, { program, scratch: join(layerFolder, 'try'), signal });
    if (answer.can !== 'unknown') this.#answers.set(dev, answer);
    return answer;
  }
}
