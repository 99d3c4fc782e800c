import { z } from 'zod';
import type { KeyCeiling, KeyQuota } from '../core/api-key.js';
import { providerIds } from '../core/providers.js';

const positive = z.number().int().positive();
/** Lower case, so that no two differ by case alone; a name is a folder. */
export const keyNamePattern = /^[a-z][a-z0-9-]{0,31}$/;

const ceilings = z.strictObject({
  memoryBytes: positive.optional(),
  cpuMillis: positive.optional(),
  pids: positive.optional(),
  diskBytes: positive.optional(),
  lifetimeMs: positive.optional(),
  idleTimeoutMs: positive.optional(),
  timeoutMs: positive.optional(),
  keepChangesMs: positive.optional(),
  egressBytes: positive.optional(),
});

const ceilingSchema = z.strictObject({
  roots: z.array(z.string()),
  readWriteAllowed: z.boolean(),
  profile: z.string().optional(),
  allow: z.array(z.string()),
  providers: z.array(z.enum(providerIds)),
  keptBytes: positive.optional(),
  ceilings,
});

const quotaSchema = z.strictObject({
  callsPerMinute: positive,
  createsPerHour: positive,
  sessions: positive,
  cpuMsPerDay: positive.optional(),
  egressBytesPerDay: positive.optional(),
});

/** What is said of a key when it is made; nothing of it changes afterwards. */
export const grantSchema = z.strictObject({
  version: z.literal(1),
  /** The first 16 hex digits of the SHA-256 of its first secret: what records and the audit log call it, also after a rotation. */
  id: z.string().regex(/^[0-9a-f]{16}$/),
  name: z.string().regex(keyNamePattern),
  /** Epoch milliseconds. */
  madeAtMs: z.number(),
  expiresAtMs: z.number().optional(),
  /** Names of tools, or of groups of them. */
  tools: z.array(z.string()),
  ceiling: ceilingSchema,
  quota: quotaSchema,
});

/** One secret of a key. */
export const secretSchema = z.strictObject({
  version: z.literal(1),
  /** SHA-256 in hex. */
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  madeAtMs: z.number(),
  /** How long the one before it is still good. */
  graceMs: z.number().nonnegative(),
});

export type SecretNote = z.infer<typeof secretSchema>;

/** The schema's type has `undefined` where these have absent keys; the values are the same. */
export interface Grant {
  readonly version: 1;
  readonly id: string;
  readonly name: string;
  readonly madeAtMs: number;
  readonly expiresAtMs?: number | undefined;
  readonly tools: readonly string[];
  readonly ceiling: KeyCeiling;
  readonly quota: KeyQuota;
}

/** A key as it is by now. */
export interface ApiKey {
  readonly grant: Grant;
  /** Oldest first; at least one. */
  readonly secrets: readonly SecretNote[];
  readonly revokedAtMs: number | undefined;
  /** To the minute; undefined: never. */
  readonly lastUsedMs: number | undefined;
}

export type KeyState = 'good' | 'expired' | 'revoked';

export function stateOf({ grant, revokedAtMs }: ApiKey, nowMs: number): KeyState {
  if (revokedAtMs !== undefined) return 'revoked';
  return grant.expiresAtMs !== undefined && nowMs >= grant.expiresAtMs ? 'expired' : 'good';
}

/** The hashes of the secrets that are good now: the newest, and the one before it while its grace lasts. */
export function goodHashes(key: ApiKey, nowMs: number): readonly string[] {
  if (stateOf(key, nowMs) !== 'good') return [];
  const [newest, before] = [key.secrets.at(-1), key.secrets.at(-2)];
  if (newest === undefined) return [];
  const isInGrace = before !== undefined && nowMs < newest.madeAtMs + newest.graceMs;
  return isInGrace ? [newest.hash, before.hash] : [newest.hash];
}
