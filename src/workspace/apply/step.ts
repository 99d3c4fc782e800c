import { z } from 'zod';
import { seenSchema } from './seen.js';

const path = z.string().min(1).max(65_536);
/** Unguessable, so that nobody is there first; and nobody else's names look like it. */
const temp = z.string().regex(/^\.paddock-[a-z2-7]{26}\.tmp$/);
const digest = z.string().regex(/^[0-9a-f]{64}$/);

const shared = {
  /** The change that it belongs to, by its place among those applied; -1: whichever lies below it. */
  of: z.int().min(-1),
  path,
  /** What the project has there; null: nothing. */
  expect: seenSchema.nullable(),
};

/** One thing that is done to the project. What is in here is all that a later process needs to finish or undo it. */
export const stepSchema = z.discriminatedUnion('do', [
  z.strictObject({ do: z.literal('folder'), ...shared, mode: z.int().min(0).max(0o777) }),
  z.strictObject({ do: z.literal('put'), ...shared, temp, at: z.string(), mode: z.int().min(0).max(0o777) }),
  z.strictObject({ do: z.literal('mode'), ...shared, mode: z.int().min(0).max(0o777) }),
  z.strictObject({ do: z.literal('remove'), ...shared, temp }),
  z.strictObject({ do: z.literal('remove-folder'), ...shared }),
]);
export type Step = z.output<typeof stepSchema>;
export type Put = Extract<Step, { do: 'put' }>;
export type Remove = Extract<Step, { do: 'remove' }>;

const entry = { dev: z.string(), ino: z.string() };
const step = z.int().min(0);

/** What a journal's lines say, in this order. */
export const lineSchema = z.discriminatedUnion('line', [
  z.strictObject({ line: z.literal('begin'), v: z.literal(1), ...entry, steps: step }),
  z.strictObject({ line: z.literal('step'), step: stepSchema }),
  /** The temporary entry of a step is there. */
  z.strictObject({
    ...{ line: z.literal('staged'), step, ...entry, sha256: digest.optional(), sizeBytes: step.optional() },
    /** When it was written to last. */
    mtimeNs: z.string().optional(),
  }),
  /** A change will not be made after all. */
  z.strictObject({ line: z.literal('left'), of: step }),
  /** From here on it is finished and not undone. */
  z.strictObject({ line: z.literal('commit') }),
  /** Done, or left alone; with the folder that was made. */
  z.strictObject({ line: z.literal('done'), step, made: z.strictObject(entry).optional() }),
]);
export type Line = z.output<typeof lineSchema>;
export type Staged = Extract<Line, { line: 'staged' }>;
