import { z } from 'zod';

/** Most bytes of one result, text and structure each: what a client shows a model has to fit its context. */
export const resultBytes = { usual: 7000, most: 38_000 } as const;

/** A path inside a session. */
export const insidePath = z
  .string()
  .min(1)
  .refine((path) => Buffer.byteLength(path) < 4096 && !/\p{Cs}|\0/u.test(path), 'is no path')
  .describe("Inside: absolute, or relative to the session's working directory.");

export const fileStatus = {
  sizeBytes: z.number(),
  /** Octal, such as 0644. */
  mode: z.string(),
  modifiedAt: z.string(),
};

/** The facts of a file as results have them. */
export function viewStatus({ sizeBytes, mode, mtimeMs }: { sizeBytes: number; mode: number; mtimeMs: number }) {
  return { sizeBytes, mode: mode.toString(8).padStart(4, '0'), modifiedAt: new Date(mtimeMs).toISOString() };
}
