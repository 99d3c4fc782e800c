import { toPaddockError } from '../../core/errors.js';
import { Disposables } from '../../kit/disposables.js';
import { type Layer, type OpenedLayer, openedLayer } from './layer.js';

/** Two layers to be looked at together. Whoever has them disposes of them. */
export interface OpenedBoth extends AsyncDisposable {
  readonly both: readonly [Layer, Layer];
}

/**
 * Opens both at once. One that is open where the other is not yet is put back: else the next call opened it anew, the other was closed before that is
 * done, and so on for ever. Errors: those of `openedLayer`.
 */
export async function openedBoth(one: Layer, other: Layer, signal: AbortSignal): Promise<OpenedBoth> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const open = (layer: Layer) =>
    openedLayer(layer, either).catch((error: unknown) => {
      // Nobody needs the other one then.
      if (!isForLater(error)) failed.abort(error);
      throw error;
    });
  const results = await Promise.allSettled([open(one), open(other)]);
  const [a, b] = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  if (a !== undefined && b !== undefined) return bothOf(a, b);
  const [late] = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  const error: unknown = failed.signal.aborted ? failed.signal.reason : late;
  if (a?.putBack !== undefined && isForLater(error)) await a.putBack();
  else await a?.[Symbol.asyncDispose]();
  throw error;
}

function isForLater(error: unknown): boolean {
  return toPaddockError(error).retryable;
}

function bothOf(a: OpenedLayer, b: OpenedLayer): OpenedBoth {
  const stack = new Disposables();
  stack.use(a);
  stack.use(b);
  return { both: [a.layer, b.layer], [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose]() };
}
