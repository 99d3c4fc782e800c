import { z } from 'zod';
import { providerIds } from '../core/providers.js';
import { type BrokerUsage, knownCostUsd, type UsageLine } from '../egress/broker/ledger.js';
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
  /** Absent where the cost of none of them is known. */
  costUsd: z.number().optional(),
  unpriced: z.number(),
});

/** What the models cost that a session has called. */
export const modelUsageView = z.object({
  requests: z.number(),
  inputTokens: z.number(),
  outputTokens: z.number(),
  /** Absent where the cost of none of them is known. */
  costUsd: z.number().optional(),
  /** Requests whose cost is not known, and not in `costUsd`. */
  unpriced: z.number(),
  lines: z.array(line),
});

type ModelUsageView = z.output<typeof modelUsageView>;

/** What went over the broker that was no model's: git, and a site's own routes. */
export const brokeredView = z.array(z.object({ route: z.string(), requests: z.number(), bytes: z.number() }));

const mostLines = 8;
const providers: readonly string[] = providerIds;

/** Undefined where the session has no credential broker. */
export function viewModelUsage({ broker }: Pick<Session, 'broker'>): ModelUsageView | undefined {
  if (broker === undefined) return undefined;
  const { requests: all, tokens, costUsd, unpriced, lines }: BrokerUsage = broker.usage();
  const isModels = ({ route }: UsageLine) => providers.includes(route);
  const requests = all - lines.filter((one) => !isModels(one)).reduce((sum, one) => sum + one.requests, 0);
  const shown = lines
    .filter(isModels)
    .sort((one, other) => other.requests - one.requests)
    .slice(0, mostLines);
  return {
    ...{ requests, ...sumsOf(tokens), ...costOf({ requests, costUsd, unpriced }), unpriced },
    lines: shown.map(({ route, model, key, requests: count, tokens: used, ...cost }) => ({
      ...{ provider: route, key, requests: count, ...sumsOf(used), unpriced: cost.unpriced },
      ...costOf({ requests: count, ...cost }),
      // It is a name that something inside made up.
      ...(model === undefined ? {} : { model: safeLine(model, 100) }),
    })),
  };
}

export function viewBrokered({ broker }: Pick<Session, 'broker'>): z.output<typeof brokeredView> | undefined {
  const lines = broker?.usage().lines.filter(({ route }) => !providers.includes(route)) ?? [];
  if (lines.length === 0) return undefined;
  return lines.slice(0, 2 * mostLines).map(({ route, requests, bytes }) => ({ route, requests, bytes }));
}

export function brokeredText(view: z.output<typeof brokeredView> | undefined): readonly string[] {
  if (view === undefined) return [];
  return [
    `broker: ${view.map(({ route, requests, bytes }) => `${route} ${requests} requests, ${bytes} bytes`).join('; ')}`,
  ];
}

export function modelUsageText(view: ModelUsageView | undefined): readonly string[] {
  if (view === undefined || view.requests === 0) return [];
  const { requests, inputTokens, outputTokens, costUsd, unpriced } = view;
  const missing = unpriced === 0 ? '' : `, and ${unpriced} of unknown cost`;
  const cost = costUsd === undefined ? 'cost unknown' : `$${costUsd.toFixed(4)}${missing}`;
  return [`models: ${requests} requests, ${inputTokens} tokens in, ${outputTokens} out, ${cost}`];
}

function costOf(line: Parameters<typeof knownCostUsd>[0]): { readonly costUsd?: number } {
  const costUsd = knownCostUsd(line);
  return costUsd === undefined ? {} : { costUsd };
}

/** What was read from caches, or kept in them, went in as well. */
function sumsOf({ input, output, cacheRead, cacheWrite, cacheWriteLong }: TokenCounts) {
  return { inputTokens: input + cacheRead + cacheWrite + cacheWriteLong, outputTokens: output };
}
