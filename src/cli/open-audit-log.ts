import { userInfo } from 'node:os';
import type { AnchorOptions } from '../audit/anchor/anchor-writer.js';
import { openHostKey } from '../audit/anchor/host-key.js';
import { type AuditLog, openAudit } from '../audit/audit-log.js';
import { SessionKeys } from '../audit/erasure/session-keys.js';
import type { ForwardState } from '../audit/forward/forwarder.js';
import type { Config } from '../config/load.js';
import { version } from '../core/version.js';
import { systemClock } from '../kit/clock.js';
import { callerUid } from './settings.js';

/** The audit log as the settings want it. The caller disposes. Errors: AUDIT_UNWRITABLE, AUDIT_BROKEN, AUDIT_NOT_FORWARDED. */
export async function openAuditLog(
  config: Config,
  onForward: (state: ForwardState) => void = () => undefined,
): Promise<AuditLog> {
  const { rotateBytes, rotateAgeMs, keepFiles, keepBytes, keepAgeMs, forward, forwardRecords } = config.audit;
  const rotation = { fileBytes: rotateBytes, fileAgeMs: rotateAgeMs, keepFiles, keepBytes, keepAgeMs };
  const anchor = await anchorOf(config);
  return await openAudit({
    rotation,
    ...(anchor === undefined ? {} : { anchor }),
    ...(forward === undefined
      ? {}
      : { forward: { to: forward, records: forwardRecords === true, onChange: onForward } }),
    ...(config.audit.erasable === true ? { keys: sessionKeys(config) } : {}),
    onTrouble: (what) => process.stderr.write(`paddock: warning: ${what}\n`),
    path: config.auditLogPath,
    createParent: config.origins['auditLogPath'] === 'default',
    caller: { uid: callerUid(), user: userInfo().username },
    version,
    clock: systemClock,
  });
}

/** Where the key of this host's user lies, by which heads of the audit log are signed. */
export function auditKeyPath({ stateDir }: Config): string {
  return `${stateDir}/audit-key.pem`;
}

/** The keys by which sessions' records can be forgotten. */
export function sessionKeys({ stateDir }: Config): SessionKeys {
  return new SessionKeys(`${stateDir}/audit-keys`);
}

async function anchorOf(config: Config): Promise<AnchorOptions | undefined> {
  const { anchorPath, anchorRecords, anchorWithinMs, forward } = config.audit;
  if (anchorPath === undefined && forward === undefined) return undefined;
  const key = await openHostKey(auditKeyPath(config));
  return { path: anchorPath, key, everyRecords: anchorRecords ?? 100, withinMs: anchorWithinMs ?? 10_000 };
}
