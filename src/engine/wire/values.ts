import { z } from 'zod';

// Go writes an empty map or list as null; both mean "none".
export const stringMap = z
  .record(z.string(), z.string())
  .nullish()
  .transform((value) => value ?? {});

export const stringList = z
  .array(z.string())
  .nullish()
  .transform((value) => value ?? []);

export const integer = z.number().int();
export const optionalText = z
  .string()
  .nullish()
  .transform((value) => value ?? '');
