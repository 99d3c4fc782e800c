import { z } from 'zod';
import { parseDuration } from '../core/units.js';

const dayMs = 86_400_000;
const longestMs = 3650 * dayMs;

/** A name as sessions have it, and how long to keep it. */
export const snapshotFields = {
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'up to 63 letters, digits, ., - and _')
    .optional()
    .describe('A name for the snapshot, by which it can be used instead of its id.'),
  keep: z
    .union([z.string().max(32), z.number()])
    .default('30d')
    .transform((value, context) => {
      const ms = parseDuration(value);
      if (ms !== undefined && ms > 0 && ms <= longestMs) return ms;
      context.addIssue({ code: 'custom', message: 'not a duration such as 30d' });
      return z.NEVER;
    })
    .describe('How long it is kept: seconds, or text such as 7d.'),
};
