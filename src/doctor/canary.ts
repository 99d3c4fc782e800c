import type { Evidence } from '../core/evidence.js';
import type { ExecResult } from '../core/exec.js';
import type { Sessions } from '../session/sessions.js';

/** One sandbox from birth to end. */
export interface CanaryRun {
  readonly evidence: Evidence;
  /** What /proc/self/status says, read inside: the second witness beside the host's /proc. */
  readonly result: ExecResult;
  /** `in use`, or why its commands have none of their own. */
  readonly commandCgroups: string;
  /** Until the sandbox was verified, in milliseconds. */
  readonly createMs: number;
}

/** In images of others there may be no cat. */
const ownStatus = 'while IFS= read -r line; do printf "%s\\n" "$line"; done </proc/self/status';

const request = { workspace: 'none', lifetime: '2m', memory: '64m', pids: 64, name: 'doctor-canary' } as const;

/**
 * Runs the canary as a session like any other: through policy, records, evidence and audit. It is gone when this
 * returns or throws. Without an image it is of the host's programs. Throws whatever made it fail.
 */
export async function runCanary(sessions: Sessions, signal: AbortSignal, image?: string): Promise<CanaryRun> {
  const startedMs = performance.now();
  const session = await sessions.create(image === undefined ? request : { ...request, image }, signal);
  const createMs = Math.round(performance.now() - startedMs);
  try {
    const entry = await session.start({
      argv: image === undefined ? ['/usr/bin/cat', '/proc/self/status'] : ['/bin/sh', '-c', ownStatus],
      timeoutMs: 10_000,
      ...{ outputCapBytes: 64 * 1024, outputLimitBytes: 1024 * 1024 },
    });
    const result = await entry.command.result;
    await entry.settled;
    const evidence = session.record.evidence ?? { controls: [], readAtMs: 0 };
    const commandCgroups = await session.sandbox.commandCgroups;
    return { evidence: evidence as Evidence, result, commandCgroups, createMs };
  } finally {
    await sessions.destroy(session.id);
  }
}
