import type { TokenCounts } from './types.js';

/** US dollars for a million tokens of each kind. */
export interface Price {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
  readonly cacheWriteLong: number;
  /** Calls that read more than this cost otherwise, which is not listed here: their cost is unknown. */
  readonly upTo?: number;
}

/** By the model's name, in which one trailing `*` stands for a date or nothing. */
export type Prices = Readonly<Record<string, Price>>;

/**
 * When the lists below were last held against what is published, standard tier, text: Anthropic's against its own pages (platform.claude.com:
 * about-claude/pricing, and the pages of the models), OpenAI's against what others copied from its page (developers.openai.com: api/docs/pricing)
 * between September and November 2026.
 */
export const pricesAsOf = '2026-11-23';

const anthropic = (input: number, output: number, cacheRead = input / 10): Price => ({
  ...{ input, output, cacheRead },
  // The same multiples for every model of theirs.
  ...{ cacheWrite: input * 1.25, cacheWriteLong: input * 2 },
});

/** Above 272 000 tokens of input the newer ones cost more. Writing to their caches costs what `cacheWrite` says, or as much as reading. */
const openAi = (input: number, output: number, cacheRead: number, cacheWrite = input): Price => ({
  ...{ input, output, cacheRead, cacheWrite, cacheWriteLong: cacheWrite, upTo: 272_000 },
});

/**
 * What calls cost, for caps on cost. What is not here (Bedrock and gateways, whose prices are their own; Google's, which change with the length, kind
 * and date) has no price until the configuration names one: a guess would make a cap one that does not hold.
 */
export const builtInPrices: Prices = {
  'claude-fable-5-1*': anthropic(10, 50, 0.25),
  'claude-fable-5*': anthropic(10, 50),
  'claude-opus-5-5*': anthropic(4, 20, 0.2),
  'claude-opus-5*': anthropic(5, 25),
  'claude-opus-4-8*': anthropic(5, 25),
  'claude-opus-4-7*': anthropic(5, 25),
  'claude-opus-4-6*': anthropic(5, 25),
  'claude-opus-4-5*': anthropic(5, 25),
  'claude-opus-4-1*': anthropic(15, 75),
  'claude-sonnet-5-5*': anthropic(2, 10, 0.1),
  'claude-sonnet-5*': anthropic(2, 10),
  'claude-sonnet-4-6*': anthropic(3, 15),
  // Published up to this length; there has been another price above it.
  'claude-sonnet-4-5*': { ...anthropic(3, 15), upTo: 200_000 },
  'claude-haiku-5-5*': { ...anthropic(0.1, 0.5), upTo: 100_000 },
  'claude-haiku-4-5*': anthropic(1, 5),
  'gpt-6-astra*': openAi(10, 50, 1, 12.5),
  'gpt-6-sol*': openAi(2, 10, 0.2, 2.5),
  'gpt-6.1-sol*': openAi(2, 10, 0.1, 2.5),
  'gpt-6-luna*': openAi(0.1, 0.5, 0.01, 0.125),
};

/** The price of a model; of two names that fit the longer. Undefined: not known. */
export function priceOf(prices: Prices, model: string | undefined): Price | undefined {
  if (model === undefined) return undefined;
  const names = Object.keys(prices).filter((name) => isNamed(name, model));
  const best = names.sort((a, b) => b.length - a.length)[0];
  return best === undefined ? undefined : prices[best];
}

/** A family's name must not take in its next member: `claude-opus-4*` is not `claude-opus-4-1`. */
function isNamed(name: string, model: string): boolean {
  if (!name.endsWith('*')) return name === model;
  const stem = name.slice(0, -1);
  return model.startsWith(stem) && /^(?:-(?:\d{8}|\d{4}-\d{2}-\d{2}|latest))?$/.test(model.slice(stem.length));
}

/** US dollars; undefined where that is not known. */
export function costOf(price: Price | undefined, counts: TokenCounts): number | undefined {
  if (price === undefined) return undefined;
  const read = counts.input + counts.cacheRead + counts.cacheWrite + counts.cacheWriteLong;
  if (read > (price.upTo ?? Number.POSITIVE_INFINITY)) return undefined;
  const kinds = ['input', 'output', 'cacheRead', 'cacheWrite', 'cacheWriteLong'] as const;
  return kinds.reduce((sum, kind) => sum + counts[kind] * price[kind], 0) / 1_000_000;
}
