import { z } from 'zod';
import { parseBytes, parseDuration } from '../core/units.js';

const scalar = z.union([z.string().max(64), z.number()]);

/** A text or number that `parse` turns into a whole number above zero. */
export function amount(what: string, parse: (value: string | number) => number | undefined) {
  return scalar.transform((value, context) => {
    const parsed = parse(value);
    if (parsed !== undefined && Number.isSafeInteger(parsed) && parsed > 0) return parsed;
    context.addIssue({ code: 'custom', message: `not ${what}: ${JSON.stringify(value)}` });
    return z.NEVER;
  });
}

export const bytes = amount('a size such as 2g', parseBytes);
export const ms = amount('a duration such as 10m', parseDuration);
export const whole = amount('a whole number above zero', (value) =>
  /^\d{1,15}$/.test(String(value)) ? Number(value) : undefined,
);
export const millis = amount('a number of CPUs such as 1.5', (value) =>
  /^\d{1,6}(?:\.\d{1,3})?$/.test(String(value)) ? Math.round(Number(value) * 1000) : undefined,
);

export const line = z
  .string()
  .min(1)
  .max(4095)
  .refine((text) => !/\p{Cc}/u.test(text), 'holds a control character');
/** An absolute path, or one beneath `~`. Characters that engines split at are refused where a path could be mounted. */
export const path = line
  .refine((text) => /^(?:\/|~\/|~$)/.test(text), 'is not an absolute path')
  .refine((text) => !text.split('/').includes('..'), 'goes up');
export const cents = amount('an amount of US dollars such as 2.50', (value) =>
  /^\d{1,7}(?:\.\d{1,2})?$/.test(String(value)) ? Math.round(Number(value) * 100) : undefined,
);
