import type { z } from 'zod';
import { EngineError } from '../../core/errors.js';
import { safeLine } from '../../kit/safe-text.js';

/** A body as JSON of the wanted shape, or ENGINE_PROTOCOL with the place that differs. */
export function parseJson<T>(schema: z.ZodType<T>, text: string, what: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new EngineError('ENGINE_PROTOCOL', `${what}: not JSON: ${safeLine(text, 120)}`, { cause });
  }
  return parseValue(schema, value, what);
}

export function parseValue<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = safeLine(issue?.path.map(String).join('.') ?? '', 100);
  throw new EngineError(
    'ENGINE_PROTOCOL',
    `${what}: unexpected answer at "${where}": ${safeLine(issue?.message ?? '')}`,
  );
}
