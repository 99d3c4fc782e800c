import { z } from 'zod';
import type { EgressRefusal } from '../core/egress.js';
import { refusalLine, refusalNext } from '../core/egress-text.js';

/** More say no more: a command that is refused so much is refused by design. */
const mostShown = 8;

interface Blocked {
  readonly host: string;
  readonly port: number;
  readonly rule: string;
  readonly times: number;
  readonly next: string;
}

/** What was refused to the session's connections while a command ran. */
export const blockedFields = {
  blocked: z.array(z.custom<Blocked>()).optional(),
  blockedMore: z.number().optional(),
};

type BlockedView = z.output<z.ZodObject<typeof blockedFields>>;

export function viewBlocked(
  refusals: readonly Pick<EgressRefusal, 'host' | 'port' | 'ruleId' | 'count' | 'hint' | 'namedIn'>[],
): BlockedView {
  if (refusals.length === 0) return {};
  const latest = refusals.slice(-mostShown);
  const more = refusals.length - latest.length;
  return {
    blocked: latest.map(({ host, port, ruleId: rule, count: times, hint, namedIn }) => ({
      host,
      port,
      rule,
      times,
      next: refusalNext({ hint, namedIn }),
    })),
    ...(more === 0 ? {} : { blockedMore: more }),
  };
}

export function blockedLines({ blocked = [], blockedMore = 0 }: BlockedView): readonly string[] {
  const lines = blocked.map(({ host, port, rule: ruleId, times: count, next: hint }) =>
    refusalLine({ host, port, ruleId, count, hint }),
  );
  return blockedMore === 0 ? lines : [...lines, `blocked: ${blockedMore} more before these`];
}
