import { type ControlEvidence, controlIds, type Evidence } from '../core/evidence.js';
import type { SandboxSpec } from '../core/spec.js';
import { readProcFile } from '../kit/proc/read.js';
import type { LimitRequest } from './judge/control.js';
import { isReported, judgeCpuWeight } from './judge/cpu-weight.js';
import { judgeCpu, judgeMemory, judgePids, judgeSwap } from './judge/limits.js';
import { observeCgroup } from './observe-cgroup.js';

export interface LimitEvidenceRequest extends LimitRequest {
  /** Process 1 of the sandbox, by its number on the host. */
  readonly pid: number;
  readonly containerId: string;
  /** Defaults: `/proc`, `/sys/fs/cgroup`. */
  readonly procRoot?: string;
  readonly cgroupRoot?: string;
}

/**
 * What the kernel says of the limits of a sandbox in which commands run. The caller makes sure that `pid` is still its process 1. Never
 * throws: what can't be read is `unknown`.
 */
export function readLimitEvidence(request: LimitEvidenceRequest): readonly ControlEvidence[] {
  const { pid, containerId, procRoot = '/proc', cgroupRoot = '/sys/fs/cgroup' } = request;
  const swaps = readProcFile(`${procRoot}/swaps`);
  const seen = {
    cgroup: observeCgroup(pid, procRoot, cgroupRoot, containerId),
    hasHostSwap: swaps === undefined ? undefined : swaps.trim().split('\n').length > 1,
  };
  return [judgeMemory, judgeSwap, judgeCpu, judgeCpuWeight, judgePids].map((judge) => judge(seen, request));
}

/**
 * The same table with these rows in the place of theirs; what was not read anew stays as it was. A row that was not there before comes in where
 * `spec` asks for it.
 */
export function withRows(
  evidence: Evidence,
  rows: readonly ControlEvidence[],
  spec: Pick<SandboxSpec, 'limits' | 'require'>,
): Evidence {
  const controls = controlIds.flatMap((id) => {
    const before = evidence.controls.find((row) => row.id === id);
    const now = rows.find((row) => row.id === id);
    return before === undefined && !isReported(id, spec) ? [] : (now ?? before ?? []);
  });
  return { ...evidence, controls };
}
