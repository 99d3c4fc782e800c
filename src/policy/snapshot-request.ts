import { z } from 'zod';
import type { SitePolicy } from '../core/site-policy.js';
import { parseDuration } from '../core/units.js';
import { timeRanges } from './limits.js';
import { within } from './quantities.js';
import { settle, toPolicyDenied } from './verdict.js';

const dayMs = 86_400_000;
const usualMs = 30 * dayMs;

/** A name as sessions have it, and how long to keep it. */
export const snapshotFields = {
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'up to 63 letters, digits, ., - and _')
    .optional()
    .describe('A name for the snapshot, by which it can be used instead of its id.'),
  keep: z
    .union([z.string().max(32), z.number()])
    .transform((value, context) => {
      const ms = parseDuration(value);
      if (ms !== undefined && ms > 0) return ms;
      context.addIssue({ code: 'custom', message: 'not a duration such as 30d' });
      return z.NEVER;
    })
    .optional()
    .describe('How long it is kept: seconds, or text such as 7d; default 30d.'),
};

/**
 * How long a snapshot is kept, in milliseconds: no longer than what a session has changed may be (`changes.keep-ceiling`), since it is that. Throws
 * PolicyDenied.
 */
export function decideKeep(askedMs: number | undefined, policy: Pick<SitePolicy, 'ceilings'>): number {
  const range = { ...timeRanges(policy).keepChangesMs, what: 'keep' };
  const verdict = settle(() => within(askedMs ?? Math.min(usualMs, range.ceiling), range));
  if (typeof verdict !== 'number') throw toPolicyDenied(verdict);
  return verdict;
}
