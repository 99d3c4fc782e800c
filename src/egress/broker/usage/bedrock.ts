import type { Json } from '../../../policy/json.js';
import type { TokenCounts, UsageTally } from '../types.js';
import { AnthropicTally } from './anthropic.js';
import { count, member } from './counts.js';

/**
 * Usage of Bedrock: InvokeModel gives what the model's maker gives, in a stream as base64 inside `bytes`, and its own counts at
 * the end; Converse gives `usage` in its own spelling, in a stream in the last event.
 */
export class BedrockTally implements UsageTally {
  readonly #inner = new AnthropicTally();
  #own: TokenCounts | undefined;

  add(message: Json): void {
    const bytes = member(message, 'bytes');
    if (typeof bytes === 'string') {
      this.add(parsed(Buffer.from(bytes, 'base64').toString()));
      return;
    }
    this.#inner.add(message);
    this.#own = converse(member(message, 'usage')) ?? metrics(message) ?? this.#own;
  }

  result(): ReturnType<UsageTally['result']> {
    const inner = this.#inner.result();
    // The maker's own numbers tell what was cached.
    if (inner?.isFinal === true) return inner;
    return this.#own === undefined ? inner : { counts: this.#own, isFinal: true };
  }
}

function converse(usage: Json | undefined): TokenCounts | undefined {
  if (member(usage, 'inputTokens') === undefined) return undefined;
  return {
    input: count(member(usage, 'inputTokens')),
    output: count(member(usage, 'outputTokens')),
    cacheRead: count(member(usage, 'cacheReadInputTokens')),
    cacheWrite: count(member(usage, 'cacheWriteInputTokens')),
    cacheWriteLong: 0,
  };
}

function metrics(message: Json): TokenCounts | undefined {
  const found = member(message, 'amazon-bedrock-invocationMetrics');
  if (found === undefined) return undefined;
  return {
    input: count(member(found, 'inputTokenCount')),
    output: count(member(found, 'outputTokenCount')),
    cacheRead: count(member(found, 'cacheReadInputTokenCount')),
    cacheWrite: count(member(found, 'cacheWriteInputTokenCount')),
    cacheWriteLong: 0,
  };
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return null;
  }
}
