import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson } from '../canonical.js';
import type { Draft } from '../chain.js';
import type { AuditEntry } from '../read.js';
import { type AuditRecord, callerSchema, detailObject, sha256 } from '../record.js';
import type { SessionKeys } from './session-keys.js';

/** What stands in the place of a user's name that is encrypted, or was erased. */
export const erasable = '(erasable)';

/** What of a record is personal. Who it was (uid, API key), when, what was done and how it ended stay readable. */
const personalSchema = z.strictObject({
  user: z.string(),
  client: callerSchema.shape.client,
  details: detailObject.optional(),
});

/** Leaves room for the rest of a record within its limit. */
const mostSealedBytes = 2100;
const tagBytes = 16;

/** The draft with its personal fields encrypted under the key of its session, or without them once that was destroyed. */
export function sealed(draft: Draft, keys: SessionKeys): Draft {
  const { session, caller, details, ...rest } = draft;
  if (session === undefined) return draft;
  const { user, client, ...who } = caller;
  const bare = { ...rest, session, caller: { ...who, user: erasable } };
  const key = keys.forWriting(session);
  if (key === undefined) return bare;
  const text = fitted({ user, ...(client ? { client } : {}), ...(details ? { details } : {}) });
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(session));
  const data = Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
  const enc = { kid: session, alg: 'A256GCM', iv: iv.toString('base64url'), data: data.toString('base64url') } as const;
  return { ...bare, enc };
}

/** The entry as it was before `sealed`, where the key is there; else the record as it stands, and why. */
export function unsealed(entry: AuditEntry, keys: SessionKeys): AuditEntry & { readonly personal?: string } {
  const { record } = entry;
  if (record?.caller.user !== erasable || record.session === undefined) return entry;
  if (keys.isForgotten(record.session)) return { ...entry, personal: 'forgotten' };
  const { enc, ...plain } = record;
  const key = keys.find(record.session);
  if (key === undefined || enc === undefined) return { ...entry, personal: 'no key' };
  const personal = opened(record.session, enc, key);
  if (personal === undefined) return { ...entry, personal: 'wrong key' };
  const { user, client, details } = personal;
  const caller = { ...record.caller, user, ...(client ? { client } : {}) };
  const { file, offsetBytes } = entry;
  const whole = { ...plain, caller, ...(details ? { details } : {}) };
  return { file, offsetBytes, record: whole, personal: 'decrypted' };
}

function fitted(personal: z.infer<typeof personalSchema>): Buffer {
  const text = Buffer.from(canonicalJson(personal));
  if (text.length <= mostSealedBytes) return text;
  const details = canonicalJson(personal.details);
  const short = { omittedBytes: Buffer.byteLength(details), omittedSha256: sha256(details) };
  return Buffer.from(canonicalJson({ ...personal, details: short }));
}

function opened(session: string, enc: NonNullable<AuditRecord['enc']>, key: Buffer) {
  try {
    const data = Buffer.from(enc.data, 'base64url');
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(enc.iv, 'base64url'), {
      authTagLength: tagBytes,
    });
    decipher.setAAD(Buffer.from(session)).setAuthTag(data.subarray(-tagBytes));
    const text = Buffer.concat([decipher.update(data.subarray(0, -tagBytes)), decipher.final()]);
    return personalSchema.safeParse(JSON.parse(text.toString())).data;
  } catch {
    return undefined;
  }
}
