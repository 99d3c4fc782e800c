import { plain } from '../audit/redaction.js';
import type { ExecResult } from '../core/exec.js';
import type { SessionId } from '../core/ids.js';
import { labels, userLabelPrefix } from '../core/labels.js';
import type { SandboxSpec } from '../core/spec.js';
import type { SandboxIdentity } from '../sandbox/maker.js';
import type { SessionRecord } from './record.js';
import type { RecordStore } from './store.js';

/** Names only: values may be secrets, and a record outlives a crash. */
function withoutValues(env: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.keys(env).map((name) => [name, '']));
}

/** The spec as a record keeps it: with mutable arrays, and without the values of its environment. */
export function recordedSpec(spec: SandboxSpec): SessionRecord['spec'] {
  const copy: unknown = structuredClone({ ...spec, env: withoutValues(spec.env) });
  return copy as SessionRecord['spec'];
}

/**
 * The request as the audit log digests it, without the environment: even a digest of a short secret gives it away.
 * Policy judges it later: here it may still be nested too deeply to be written.
 */
export function textOf(request: unknown): string {
  try {
    return JSON.stringify(request ?? null, (key, value: unknown) => (/^env$/i.test(key) ? 'left out' : value));
  } catch {
    return 'not to be written as JSON';
  }
}

/** What names a session's container. The caller's labels come first, so that they can't take the place of ours. */
export function identityOf(
  record: SessionRecord,
  store: RecordStore,
  callerUid: number,
  version: string,
): SandboxIdentity {
  const own = {
    [labels.session]: record.id,
    [labels.nonce]: record.nonce,
    [labels.owner]: String(callerUid),
    [labels.version]: version,
  };
  const users = Object.entries(record.spec.labels).map(([key, value]) => [`${userLabelPrefix}${key}`, value] as const);
  return {
    containerName: record.containerName,
    labels: { ...Object.fromEntries(users), ...own },
    channelFolder: store.channelFolder(record.id as SessionId),
    detached: record.kind === 'detached',
  };
}

/** What the audit log says of a session that was made. */
export function describe(record: SessionRecord) {
  const { spec } = record;
  return {
    image: plain(spec.image.kind === 'host' ? 'host' : spec.image.reference),
    workspace: plain(spec.workspace),
    network: plain(spec.network),
    profile: plain(spec.profile ?? ''),
    seccomp: plain(spec.seccomp ?? 'default'),
    memoryBytes: spec.limits.memoryBytes,
    cpuMillis: spec.limits.cpuMillis,
    pids: spec.limits.pids,
    lifetimeMs: spec.lifetimeMs,
    idleTimeoutMs: spec.idleTimeoutMs ?? 0,
    container: plain(record.container?.id ?? ''),
    controls: (record.evidence?.controls ?? []).map((c) => plain(`${c.id}=${c.status}`)),
  };
}

/** What it says of a command that has ended. */
export function describeResult(result: ExecResult) {
  return {
    exitCode: result.exitCode,
    reason: plain(result.reason),
    durationMs: result.usage.durationMs,
    stdoutBytes: result.stdout.totalBytes,
    stderrBytes: result.stderr.totalBytes,
    strays: result.strays,
  };
}
