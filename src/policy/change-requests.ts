import { z } from 'zod';

const path = z.string().min(1).max(4096);
const paths = z.array(path).max(1000);

/** What applying the changes of a session takes, besides the session. */
export const applyRequestSchema = z.strictObject({
  paths: paths
    .optional()
    .describe(
      'what to apply: paths as review_changes shows them, folders, or patterns (*, ?, **); without them all that is neither withheld nor refused',
    ),
  all: z.boolean().optional().describe('everything, and what paths names one by one'),
  overwrite: paths
    .optional()
    .describe(
      "paths at which the session's version is wanted although the project has changed; one by one, no patterns",
    ),
  reviewed: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional()
    .describe('the fingerprint of a review: apply nothing if anything has changed since'),
  dry_run: z.boolean().optional().describe('only say what would be done'),
});
export type ApplyRequest = z.output<typeof applyRequestSchema>;

/** Changes that somebody was shown one by one: no pattern, no folder with what is in it. None of our callers can send that. */
export interface ShownChoice {
  readonly paths: readonly string[];
  /** Those that are withheld unless they are named, and were. */
  readonly named: readonly string[];
}

/** What discarding changes takes, besides the session. */
export const discardRequestSchema = z.strictObject({
  paths: paths.optional().describe('what to discard: paths, folders or patterns; without them everything'),
  reviewed: applyRequestSchema.shape.reviewed,
  dry_run: applyRequestSchema.shape.dry_run,
});
export type DiscardRequest = z.output<typeof discardRequestSchema>;
