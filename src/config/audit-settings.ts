import type { Layer } from './layers.js';
import type { UserSettings } from './schema.js';

/** How the audit log is kept; `[audit]` of the user's file. What is undefined does not happen. */
export interface AuditSettings {
  readonly rotateBytes: number | undefined;
  readonly rotateAgeMs: number | undefined;
  readonly keepFiles: number | undefined;
  readonly keepBytes: number | undefined;
  readonly keepAgeMs: number | undefined;
  /** File that signed heads of the log are written to. */
  readonly anchorPath: string | undefined;
  readonly anchorRecords: number | undefined;
  readonly anchorWithinMs: number | undefined;
  /** `journald`, or the path of a syslog socket: where signed heads of the log are forwarded to, and its records on wish. */
  readonly forward: string | undefined;
  readonly forwardRecords: boolean | undefined;
  /** Whether what is personal in a session's records is encrypted under a key of that session. */
  readonly erasable: boolean | undefined;
}

/** Names in the file. */
export const auditKeys = {
  rotate_size: 'rotateBytes',
  rotate_age: 'rotateAgeMs',
  keep_files: 'keepFiles',
  keep_size: 'keepBytes',
  keep_age: 'keepAgeMs',
  anchor: 'anchorPath',
  anchor_records: 'anchorRecords',
  anchor_within: 'anchorWithinMs',
  forward: 'forward',
  forward_records: 'forwardRecords',
  erasable: 'erasable',
} as const satisfies Record<keyof NonNullable<UserSettings['audit']>, keyof AuditSettings>;

/** The last layer that says something wins, key by key. */
export function settleAudit(
  layers: readonly Layer[],
  origins: Map<string, string>,
  at: (path: string) => string,
): AuditSettings {
  const entries = Object.entries(auditKeys).map(([key, name]) => {
    const layer = layers.findLast(({ settings }) => settings.audit?.[key as keyof typeof auditKeys] !== undefined);
    if (layer) origins.set(`audit.${name}`, layer.origin(`audit.${key}`));
    const value = layer?.settings.audit?.[key as keyof typeof auditKeys];
    // `journald` is a word and no path.
    return [name, typeof value === 'string' && /^[/~]/.test(value) ? at(value) : value] as const;
  });
  return Object.fromEntries(entries) as unknown as AuditSettings;
}
