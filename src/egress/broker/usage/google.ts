import { isList, isObject, type Json } from '../../../policy/json.js';
import type { TokenCounts, UsageTally } from '../types.js';
import { count, member } from './counts.js';

/** Usage of Google's API: in every piece of an answer, the sums until then. A stream without events is one list of pieces. */
export class GoogleTally implements UsageTally {
  #counts: TokenCounts | undefined;
  #isFinal = false;

  add(message: Json): void {
    for (const piece of isList(message) ? message : [message]) this.#addPiece(piece);
  }

  result(): ReturnType<UsageTally['result']> {
    return this.#counts === undefined ? undefined : { counts: this.#counts, isFinal: this.#isFinal };
  }

  #addPiece(piece: Json): void {
    const usage = member(piece, 'usageMetadata');
    if (!isObject(usage)) return;
    const prompt = count(usage['promptTokenCount']);
    const cacheRead = Math.min(prompt, count(usage['cachedContentTokenCount']));
    this.#counts = {
      input: prompt - cacheRead + count(usage['toolUsePromptTokenCount']),
      output: count(usage['candidatesTokenCount']) + count(usage['thoughtsTokenCount']),
      cacheRead,
      cacheWrite: 0,
      cacheWriteLong: 0,
    };
    const candidates = member(piece, 'candidates');
    this.#isFinal ||= isList(candidates) && candidates.some((one) => member(one, 'finishReason') !== undefined);
  }
}
