import type { AuditRecorder } from '../../audit/audit-log.js';
import { Digest, digest } from '../../audit/redaction.js';
import type { SessionId } from '../../core/ids.js';
import { Turns } from '../../kit/turns.js';
import type { AppliedFile } from '../../workspace/apply/applied-files.js';

/** In whose name what is applied is recorded. */
export interface AppliedBy {
  readonly audit: AuditRecorder;
  readonly session: SessionId;
}

/** How many files one record of the audit log takes. */
const filesPerRecord = 12;

/**
 * Names of files are foreign text: they stand in the log by their digests, like their content. `isRecovered`: whoever applied them was cut
 * short, and could not record it. Errors: AUDIT_UNWRITABLE.
 */
export async function recordFiles(
  { audit, session }: AppliedBy,
  applied: readonly AppliedFile[],
  isRecovered: boolean,
): Promise<void> {
  const turns = new Turns();
  for (let at = 0; at < applied.length; at += filesPerRecord) {
    await turns.give();
    const files = applied.slice(at, at + filesPerRecord).map(({ path, sha256, sizeBytes = 0 }) => ({
      path: digest(path),
      ...(sha256 === undefined ? {} : { content: new Digest(sizeBytes, sha256) }),
    }));
    await audit.event('changes.applied', { session, details: { files, ...(isRecovered ? { recovered: true } : {}) } });
  }
}
