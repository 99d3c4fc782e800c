import { z } from 'zod';
import { comparisonText } from '../session/changes/comparison-text.js';
import { defineTool } from './define-tool.js';
import type { ToolServices } from './services.js';

const kind = z.enum(['added', 'modified', 'deleted', 'renamed', 'mode']);
const mostPaths = 200;

export const compareSessions = defineTool({
  name: 'compare_sessions',
  title: 'Compare two sessions',
  description:
    'Holds what two sessions with workspace "cow" over the same project have changed against each other, running or ended: paths that only one ' +
    'has changed, and those that both have, alike or not. At most 200 differing paths; use it to choose between forks.',
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  input: z.strictObject({ a: z.string().max(64), b: z.string().max(64) }),
  output: z.object({
    a: z.string(),
    b: z.string(),
    /** What each did at a path that is not the same in both; absent: it has the project's. */
    differences: z.array(z.object({ path: z.string(), a: kind.optional(), b: kind.optional() })),
    /** All of them, also those that are not listed. */
    differing: z.number(),
    alike: z.number(),
    isComplete: z.boolean(),
  }),
  async handle(services: ToolServices, { a, b }, { signal }) {
    const comparison = await services.copies.compare(a, b, signal);
    const different = comparison.differences.filter(({ isSame }) => !isSame);
    return {
      structured: {
        ...{ a, b, differing: different.length, alike: comparison.differences.length - different.length },
        differences: different.slice(0, mostPaths).map(({ path, a: one, b: other }) => ({
          ...{ path, ...(one && { a: one.kind }), ...(other && { b: other.kind }) },
        })),
        isComplete: comparison.isComplete,
      },
      text: comparisonText(comparison, a, b),
    };
  },
});
