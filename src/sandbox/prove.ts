import { readEvidence, reportedEvidence } from '../confine/evidence.js';
import { reportedInit, reportWords } from '../confine/report.js';
import type { EvidenceRequest } from '../confine/request.js';
import { SandboxError } from '../core/errors.js';
import type { Evidence } from '../core/evidence.js';
import { readProcFile } from '../kit/proc/read.js';
import { askReport } from './ask-report.js';
import { initTarget } from './body/input.js';
import { type InitIdentity, outOfSight } from './init-identity.js';
import { pidNamespaceOf, startTicksOf } from './processes.js';
import type { SandboxChannel } from './sandbox.js';

/** Process 1 of a sandbox, and what is known of it. */
export interface Proof extends InitIdentity {
  readonly evidence: Evidence;
}

export interface ProofOptions {
  readonly channel: SandboxChannel | undefined;
  /** Whether what process 1 says of itself counts, where it can't be seen. */
  readonly isReportAccepted: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Evidence of a sandbox in which nothing foreign has run: from /proc, or, where that shows other processes than the engine's (a server in
 * a container), by the report of process 1. Errors: SANDBOX_UNVERIFIED.
 */
export async function prove(request: EvidenceRequest, exitCode: number, options: ProofOptions): Promise<Proof> {
  const { channel, isReportAccepted, signal } = options;
  const namespace = pidNamespaceOf(request.pid);
  const initStartTicks = startTicksOf(request.pid);
  if (namespace !== undefined && initStartTicks !== undefined && isOurs(request)) {
    return { initPid: request.pid, namespace, initStartTicks, evidence: await readEvidence(request) };
  }
  if (channel?.channel.isOpen !== true) {
    const why = channel === undefined ? ', or can’t be seen from here: with channel exec that is needed' : '';
    throw new SandboxError('SANDBOX_UNVERIFIED', `process 1 ended at once, with status ${exitCode}${why}`);
  }
  if (!isReportAccepted) throw unseen(request.pid);
  const words = reportWords(request, initTarget);
  const report = await askReport(channel.channel, words, signal);
  const init = reportedInit(report);
  if (init === undefined) throw new SandboxError('SANDBOX_UNVERIFIED', 'process 1 does not say which process it is');
  const evidence = await reportedEvidence(report, request, initTarget);
  return { initPid: outOfSight, namespace: init.namespace, initStartTicks: init.startTicks, evidence };
}

/** A number that the engine gave names somebody else's process where its /proc is not ours. */
function isOurs({ pid, initArgv }: EvidenceRequest): boolean {
  return readProcFile(`/proc/${pid}/cmdline`) === initArgv.map((word) => `${word}\0`).join('');
}

function unseen(pid: number): SandboxError {
  return new SandboxError('SANDBOX_UNVERIFIED', `process 1 (${pid} to the engine) runs, and can't be seen from here`, {
    info: { ruleId: 'policy.init_report' },
    hint:
      'A server in a container sees no processes of the engine: the site policy says by `init_report = true` that what process 1 ' +
      'reports of itself suffices (docs/container.md); else run the server on the host.',
  });
}
