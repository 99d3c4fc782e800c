import { isObject, type Json } from '../../../policy/json.js';
import type { TokenCounts, UsageTally } from '../types.js';
import { count, member } from './counts.js';

/**
 * Usage of OpenAI's APIs: of Responses in `response` of the last event, or at the top of a whole answer; of Chat Completions, completions
 * and embeddings at the top of the last chunk or of the answer. What was cached is counted within the input there.
 */
export class OpenAiTally implements UsageTally {
  #counts: TokenCounts | undefined;

  add(message: Json): void {
    const usage = [member(message, 'response', 'usage'), member(message, 'usage')].find(isObject);
    if (usage !== undefined) this.#counts = read(usage);
  }

  result(): ReturnType<UsageTally['result']> {
    return this.#counts === undefined ? undefined : { counts: this.#counts, isFinal: true };
  }
}

function read(usage: Json): TokenCounts {
  const either = (...names: readonly string[]) => Math.max(...names.map((name) => count(member(usage, name))));
  const detail = (name: string) =>
    Math.max(count(member(usage, 'input_tokens_details', name)), count(member(usage, 'prompt_tokens_details', name)));
  const all = either('input_tokens', 'prompt_tokens');
  const cacheRead = Math.min(all, detail('cached_tokens'));
  const cacheWrite = Math.min(all - cacheRead, detail('cache_write_tokens'));
  return {
    input: all - cacheRead - cacheWrite,
    output: either('output_tokens', 'completion_tokens'),
    cacheRead,
    cacheWrite,
    cacheWriteLong: 0,
  };
}
