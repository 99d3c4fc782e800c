import { z } from 'zod';

/** What stands in clear of what was encrypted. */
export const sealedSchema = z.strictObject({
  /** Of this encryption of it. */
  id: z.string().regex(/^[a-z2-7]{26}$/),
  /** The name of the key that it was encrypted for (`SealKey`). */
  key: z.string().regex(/^[0-9a-f]{32}$/),
  /** How large the file is. */
  bytes: z.number().int().nonnegative(),
});
export type Sealed = z.output<typeof sealedSchema>;
