import { isObject, type Json } from '../../../policy/json.js';
import type { TokenCounts, UsageTally } from '../types.js';
import { count, member, noTokens } from './counts.js';

/**
 * Usage of Anthropic's messages: `message_start` has it with the first few tokens of output, each `message_delta` the sums until then, and an answer that is
 * no stream has it at its top. Later numbers replace earlier ones; a field that is left out stays.
 */
export class AnthropicTally implements UsageTally {
  #counts: TokenCounts | undefined;
  #isFinal = false;

  add(message: Json): void {
    const type = member(message, 'type');
    const usage = type === 'message_start' ? member(message, 'message', 'usage') : member(message, 'usage');
    if (isObject(usage)) this.#counts = merged(this.#counts ?? noTokens, usage);
    if (isObject(usage) && (type === 'message_delta' || type === 'message')) this.#isFinal = true;
  }

  result(): ReturnType<UsageTally['result']> {
    return this.#counts === undefined ? undefined : { counts: this.#counts, isFinal: this.#isFinal };
  }
}

function merged(before: TokenCounts, usage: Json): TokenCounts {
  const latest = (name: string, old: number) => Math.max(old, count(member(usage, name)));
  const written = latest('cache_creation_input_tokens', before.cacheWrite + before.cacheWriteLong);
  const long = Math.max(before.cacheWriteLong, count(member(usage, 'cache_creation', 'ephemeral_1h_input_tokens')));
  return {
    input: latest('input_tokens', before.input),
    output: latest('output_tokens', before.output),
    cacheRead: latest('cache_read_input_tokens', before.cacheRead),
    cacheWrite: Math.max(0, written - long),
    cacheWriteLong: long,
  };
}
