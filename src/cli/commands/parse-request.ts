import type { z } from 'zod';
import { PaddockError } from '../../core/errors.js';

/** What flags and words say, as the policy room takes it. Errors: BAD_ARGUMENT. */
export function parseRequest<T>(schema: z.ZodType<T>, asked: unknown): T {
  const parsed = schema.safeParse(asked);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new PaddockError('BAD_ARGUMENT', `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not understood'}`);
}
