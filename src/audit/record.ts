import { createHash } from 'node:crypto';
import { z } from 'zod';
import { sessionIdPattern } from '../core/ids.js';
import { canonicalJson } from './canonical.js';

/**
 * The longest record with its newline, in bytes. An append of this size spans at most two pages, so that it is
 * copied in at most two steps, and a full disk or a kill can tear a record in at most one place.
 */
export const maxRecordBytes = 4096;
/** The longest line that is read: a record, with what torn appends left before it on the same line. */
export const maxLineBytes = 4 * maxRecordBytes;
/** Every record begins so, since `action` sorts first; no nested object can, since `details` refuses that key. */
export const recordStart = '{"action":"';

export const actionPattern = /^[a-z][a-z0-9_-]{0,23}(\.[a-z][a-z0-9_-]{0,31}){1,2}$/;
export const rulePattern = /^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,95}$/;
export const detailKeyPattern = /^(?!action$)[a-z][A-Za-z0-9]{0,23}$/;
export const openAction = 'log.open';
export const closeAction = 'log.close';
/** Says, before it happens, that the oldest files of the log are removed. */
export const removeAction = 'log.remove';

const sha256Hex = z.string().regex(/^[0-9a-f]{64}$/);
const chainId = z.string().regex(/^[a-z2-7]{26}$/);
const count = z.int().min(0);

export const callerSchema = z.strictObject({
  uid: count,
  user: z.string().min(1).max(64),
  client: z.strictObject({ name: z.string().max(64), version: z.string().max(32) }).optional(),
  keyHash: z
    .string()
    .regex(/^[0-9a-f]{16,64}$/)
    .optional(),
});

/**
 * Fields encrypted with a key of the session: throwing the key away erases them, and since hashes are made over
 * the ciphertext the chain still verifies. `data` is ciphertext and tag.
 */
export const encryptedSchema = z.strictObject({
  kid: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/),
  alg: z.literal('A256GCM'),
  iv: z.string().regex(/^[A-Za-z0-9_-]{16}$/),
  data: z.string().regex(/^[A-Za-z0-9_-]{22,2900}$/),
});

type DetailJson = string | number | boolean | null | readonly DetailJson[] | { readonly [key: string]: DetailJson };
// By hand, since a recursive union of schemas takes longer than all the rest of a record.
export const detailObject = z.custom<{ readonly [key: string]: DetailJson }>((value) => isDetailObject(value, 0), {
  error: 'details with a key or a value that records do not hold',
});

const position = z.strictObject({ chain: chainId, seq: count, hash: sha256Hex });
const writerSchema = z.strictObject({
  pid: count,
  startTimeTicks: count,
  bootId: z.string().regex(/^[0-9a-f-]{36}$/),
  version: z.string().min(1).max(32),
});

/**
 * Where a chain begins that is not in the first file of the log: the number of the file before, and the digest of the
 * last line that it had once this file was there (left out when that file has been removed or holds no record).
 */
const follows = z.strictObject({ file: count, line: sha256Hex.optional() });

export const recordSchema = z
  .strictObject({
    v: z.literal(1),
    time: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    chain: chainId,
    seq: count,
    prev: sha256Hex.nullable(),
    link: sha256Hex.optional(),
    repairs: z.strictObject({ bytes: count, sha256: sha256Hex }).optional(),
    phase: z.enum(['intent', 'outcome', 'event']),
    id: z
      .string()
      .regex(/^[a-z2-7]{26}\.\d{1,15}$/)
      .optional(),
    action: z.string().regex(actionPattern),
    session: z.string().regex(sessionIdPattern).optional(),
    caller: callerSchema,
    verdict: z.enum(['allow', 'deny']).optional(),
    rule: z.string().regex(rulePattern).optional(),
    result: z
      .string()
      .regex(/^(ok|[A-Z][A-Z0-9_]{0,47})$/)
      .optional(),
    details: detailObject.optional(),
    enc: encryptedSchema.optional(),
    writer: writerSchema.optional(),
    continues: position.optional(),
    follows: follows.optional(),
    /** All files up to the one of this number go. */
    removed: z.strictObject({ through: count }).optional(),
    hash: sha256Hex,
  })
  .refine((r) => (r.action === openAction) === (r.seq === 0), { error: 'only the first record of a chain opens it' })
  .refine((r) => (r.writer !== undefined) === (r.seq === 0), {
    error: 'the first record, and only it, names its writer',
  })
  .refine((r) => (r.prev === null) === (r.seq === 0), { error: 'only the first record has no previous one' })
  .refine((r) => r.continues === undefined || r.seq === 0, { error: 'only the first record continues a chain' })
  .refine((r) => r.follows === undefined || r.seq === 0, { error: 'only the first record follows a file' })
  .refine((r) => (r.removed !== undefined) === (r.action === removeAction), {
    error: 'files are removed by that action, and by no other',
  })
  .refine((r) => (r.id !== undefined) === (r.phase !== 'event'), { error: 'intents and outcomes have an id' })
  .refine((r) => (r.result !== undefined) === (r.phase === 'outcome') || r.phase === 'event', {
    error: 'outcomes have a result and intents none',
  })
  .refine((r) => r.phase !== 'intent' || r.id === `${r.chain}.${r.seq}`, {
    error: 'the id of an intent is not its own',
  });

export type AuditRecord = z.infer<typeof recordSchema>;
export type AuditCaller = z.infer<typeof callerSchema>;
export type EncryptedFields = z.infer<typeof encryptedSchema>;
export type ChainPosition = z.infer<typeof position>;
export type Follows = z.infer<typeof follows>;
export type ChainWriterIdentity = z.infer<typeof writerSchema>;
/** What was found torn at the end of the file and closed with a newline by the record that carries this. */
export type Repair = NonNullable<AuditRecord['repairs']>;

export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** SHA-256, in hex, of the canonical JSON of a record without its `hash`. */
export function recordHash(record: Omit<AuditRecord, 'hash'>): string {
  return sha256(canonicalJson({ ...record, hash: undefined }));
}

/** Deeper than any details go: `detailsToJson` stops at four. */
const maxDetailDepth = 16;

function isDetailObject(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || depth > maxDetailDepth) return false;
  return Object.entries(value).every(([key, member]) => detailKeyPattern.test(key) && isDetail(member, depth + 1));
}

function isDetail(value: unknown, depth: number): boolean {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isSafeInteger(value);
  if (Array.isArray(value)) return depth <= maxDetailDepth && value.every((item) => isDetail(item, depth + 1));
  return isDetailObject(value, depth);
}
