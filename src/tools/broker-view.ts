import { z } from 'zod';
import type { BrokerUsage } from '../egress/broker/ledger.js';
import type { TokenCounts } from '../egress/broker/types.js';
import { safeLine } from '../kit/safe-text.js';
import type { Session } from '../session/session.js';

const line = z.object({
  provider: z.string(),
  model: z.string().optional(),
  /** First hex digits of the key's SHA-256. */
  key: z.string(),
  requests: z.number(),
  inputTokens: z.number(),
  outputTokens: z.number(),
  costUsd: z.number(),
});

/** What the models cost that a session has called. */
export const modelUsageView = z.object({
  requests: z.number(),
  inputTokens: z.number(),
  outputTokens: z.number(),
  costUsd: z.number(),
  /** Requests whose cost is not known, and not in `costUsd`. */
  unpriced: z.number(),
  lines: z.array(line),
});

type ModelUsageView = z.output<typeof modelUsageView>;

const mostLines = 8;

/** Undefined where the session has no credential broker. */
export function viewModelUsage({ broker }: Pick<Session, 'broker'>): ModelUsageView | undefined {
  if (broker === undefined) return undefined;
  const { requests, tokens, costUsd, unpriced, lines }: BrokerUsage = broker.usage();
  const shown = [...lines].sort((one, other) => other.requests - one.requests).slice(0, mostLines);
  return {
    ...{ requests, ...sumsOf(tokens), costUsd, unpriced },
    lines: shown.map(({ route, model, key, requests: count, tokens: used, costUsd: cost }) => ({
      ...{ provider: route, key, requests: count, ...sumsOf(used), costUsd: cost },
      // It is a name that something inside made up.
      ...(model === undefined ? {} : { model: safeLine(model, 100) }),
    })),
  };
}

export function modelUsageText(view: ModelUsageView | undefined): readonly string[] {
  if (view === undefined) return [];
  const { requests, inputTokens, outputTokens, costUsd, unpriced } = view;
  const missing = unpriced === 0 ? '' : `, and ${unpriced} of unknown cost`;
  return [
    `models: ${requests} requests, ${inputTokens} tokens in, ${outputTokens} out, $${costUsd.toFixed(4)}${missing}`,
  ];
}

/** What was read from caches, or kept in them, went in as well. */
function sumsOf({ input, output, cacheRead, cacheWrite, cacheWriteLong }: TokenCounts) {
  return { inputTokens: input + cacheRead + cacheWrite + cacheWriteLong, outputTokens: output };
}
