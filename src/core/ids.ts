/** Session ids: `pdk_` and 26 base32 characters (130 random bits). Opaque, unguessable, safe in a path and a URL. */
export const sessionIdPattern = /^pdk_[a-z2-7]{26}$/;
/** Command ids: `cmd_` and 16 base32 characters; unique, and meaningless outside their session. */
export const commandIdPattern = /^cmd_[a-z2-7]{16}$/;

/** Snapshot ids: `snp_` and 16 base32 characters. */
export const snapshotIdPattern = /^snp_[a-z2-7]{16}$/;

/** Ids of copies between a session and the host: `trf_` and 16 base32 characters; meaningless outside their session. */
export const transferIdPattern = /^trf_[a-z2-7]{16}$/;

export type SessionId = string & { readonly __brand: 'SessionId' };
export type CommandId = string & { readonly __brand: 'CommandId' };

export type TransferId = string & { readonly __brand: 'TransferId' };

export type SnapshotId = string & { readonly __brand: 'SnapshotId' };

export function isSessionId(value: string): value is SessionId {
  return sessionIdPattern.test(value);
}

export function isCommandId(value: string): value is CommandId {
  return commandIdPattern.test(value);
}

export function isSnapshotId(value: string): value is SnapshotId {
  return snapshotIdPattern.test(value);
}

export function isTransferId(value: string): value is TransferId {
  return transferIdPattern.test(value);
}
