import type { HostObject } from '../approve.js';
import type { OpeningWish } from '../sealed/openings.js';

/** What a session has written beside its project, and what it needs to be held against that. */
export interface Layer {
  /** Absolute path of the folder of ours with all that belongs to it: `upper`, `work`, and what is noted about it. */
  readonly folder: string;
  /** The part of it that the overlay writes to: only what differs from the project, with the kernel's marks for what is gone. */
  readonly upper: string;
  /** Whether `upper` is a copy of the whole project that the session writes to, for want of an overlay. */
  readonly isCopy?: true;
  readonly project: HostObject;
  /** When the session began to see the project, in nanoseconds since the epoch by the clock of the kernel: what has a later ctime there was changed after. */
  readonly sinceNs: bigint;
  /** Where it is noted what of it was discarded and applied; absent: in `folder`. */
  readonly notes?: string;
  /** `lasting` of all entries that the session has left. */
  readonly lasting?: string;
  /** Present where it is encrypted, so that there is no `upper` before it was opened (`openedLayer`). */
  readonly open?: (wish: OpeningWish) => Promise<OpenedLayer>;
}

/** A layer to be worked on. Whoever has it opened disposes of it. */
export interface OpenedLayer extends AsyncDisposable {
  readonly layer: Layer;
  /** Makes what was noted of it since (discarded, applied) last. */
  keepNotes(): Promise<void>;
  /** In place of being disposed of: leaves it to who asks again, where that saves opening it anew. */
  putBack?(): Promise<void>;
}

/**
 * The layer itself, or what is in it in clear for as long as somebody works on it. `isPatient`: until that is there, also in a server. Errors: those of
 * `Seals.open`.
 */
export async function openedLayer(layer: Layer, signal: AbortSignal, isPatient = false): Promise<OpenedLayer> {
  if (layer.open !== undefined) return layer.open({ signal, isPatient });
  const nothing = () => Promise.resolve();
  return { layer, keepNotes: nothing, [Symbol.asyncDispose]: nothing };
}

/** The folder with its marks and notes. */
export function notesOf({ notes, folder }: Pick<Layer, 'notes' | 'folder'>): string {
  return notes ?? folder;
}
