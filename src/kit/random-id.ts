import { randomBytes } from 'node:crypto';
import type { CommandId, SessionId, SnapshotId, TransferId } from '../core/ids.js';

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';

/** `length` base32 characters, five random bits each. */
export function randomBase32(length: number): string {
  return [...randomBytes(length)].map((byte) => alphabet[byte & 31]).join('');
}

export function newSessionId(): SessionId {
  return `pdk_${randomBase32(26)}` as SessionId;
}

export function newCommandId(): CommandId {
  return `cmd_${randomBase32(16)}` as CommandId;
}

export function newSnapshotId(): SnapshotId {
  return `snp_${randomBase32(16)}` as SnapshotId;
}

export function newTransferId(): TransferId {
  return `trf_${randomBase32(16)}` as TransferId;
}
