import type { Evidence } from '../core/evidence.js';
import type { ExecResult } from '../core/exec.js';
import type { Sessions } from '../session/sessions.js';

/** One sandbox from birth to end. */
export interface CanaryRun {
  readonly evidence: Evidence;
  /** Of `/usr/bin/cat /proc/self/status`, run inside: the second witness beside the host's /proc. */
  readonly result: ExecResult;
  /** `in use`, or why its commands have none of their own. */
  readonly commandCgroups: string;
  /** Until the sandbox was verified, in milliseconds. */
  readonly createMs: number;
}

const request = { workspace: 'none', lifetime: '2m', memory: '64m', pids: 64, name: 'doctor-canary' } as const;

/**
 * Runs the canary as a session like any other: through policy, records, evidence and audit. It is gone when this
 * returns or throws. Throws whatever made it fail.
 */
export async function runCanary(sessions: Sessions, signal: AbortSignal): Promise<CanaryRun> {
  const startedMs = performance.now();
  const session = await sessions.create(request, signal);
  const createMs = Math.round(performance.now() - startedMs);
  try {
    const entry = await session.start({
      ...{ argv: ['/usr/bin/cat', '/proc/self/status'], timeoutMs: 10_000 },
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
