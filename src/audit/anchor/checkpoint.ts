import { sign, verify } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson } from '../canonical.js';
import type { HostKey, PublicKey } from './host-key.js';

/** Keeps a signature of ours from meaning anything elsewhere. */
const purpose = 'paddock audit checkpoint 1\n';

const checkpointSchema = z.strictObject({
  v: z.literal(1),
  time: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
  /** Number of the log's file, what it had in bytes, and SHA-256 of the line that ended there. */
  file: z.int().min(0),
  bytes: z.int().min(1),
  line: z.string().regex(/^[0-9a-f]{64}$/),
  key: z.string().regex(/^[0-9a-f]{16}$/),
  signature: z.string().regex(/^[A-Za-z0-9_-]{86}$/),
});

/** What the log was at one moment, signed. */
export type Checkpoint = z.infer<typeof checkpointSchema>;
export type Head = Pick<Checkpoint, 'time' | 'file' | 'bytes' | 'line'>;

export function signHead(head: Head, { privateKey, publicKey }: HostKey): Checkpoint {
  const body = { v: 1 as const, ...head, key: publicKey.id };
  const signature = sign(undefined, Buffer.from(purpose + canonicalJson(body)), privateKey).toString('base64url');
  return { ...body, signature };
}

/** Undefined for a text that is no checkpoint, such as one that was cut short. */
export function parseCheckpoint(text: string): Checkpoint | undefined {
  try {
    const parsed = checkpointSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

export function isSigned({ signature, ...body }: Checkpoint, { key }: PublicKey): boolean {
  return verify(undefined, Buffer.from(purpose + canonicalJson(body)), key, Buffer.from(signature, 'base64url'));
}
