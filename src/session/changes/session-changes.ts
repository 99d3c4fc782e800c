import type { DiscardRequest } from '../../policy/change-requests.js';
import { removeWriteLayer } from '../../workspace/write-layer.js';
import { type LayerPlaces, requireLayer } from '../layers.js';
import { applyLayer, type LayerParts, type ShownRequest } from './apply-layer.js';
import type { ApplyReport } from './apply-report.js';
import { type DiscardReport, discardLayer } from './discard-layer.js';

export interface SessionChangesOptions extends LayerParts {
  readonly places: LayerPlaces;
}

/**
 * What sessions of this user have changed beside their projects, running or over, whoever holds them. Errors: NO_SUCH_SESSION where a session
 * has nothing of the kind, and those of `applyLayer` and `discardLayer`.
 */
export class SessionChanges {
  readonly #options: SessionChangesOptions;

  constructor(options: SessionChangesOptions) {
    this.#options = options;
  }

  async apply(id: string, request: ShownRequest, signal: AbortSignal): Promise<ApplyReport> {
    const { id: session, layer } = await requireLayer(this.#options.places, id);
    return applyLayer(session, layer, request, this.#options, signal);
  }

  async discard(id: string, request: DiscardRequest, signal: AbortSignal): Promise<DiscardReport> {
    const { id: session, layer, note } = await requireLayer(this.#options.places, id);
    // Kept: its session is over, and nothing is mounted from it any more.
    const removeLayer = note.kept === undefined ? undefined : () => removeWriteLayer(layer.folder);
    return discardLayer(session, layer, request, { ...this.#options, removeLayer }, signal);
  }
}
