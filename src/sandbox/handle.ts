import type { Evidence } from '../core/evidence.js';
import type { SandboxSpec } from '../core/spec.js';

/** A container of ours that runs, as its record or its creation gives it. */
export interface SandboxHandle {
  readonly containerId: string;
  /** Process 1 on the host. */
  readonly initPid: number;
  /** Pid namespace of process 1, so that a reused pid is never taken for it. */
  readonly namespace: string;
  /** When process 1 started, in clock ticks since boot. */
  readonly initStartTicks: number;
  readonly spec: SandboxSpec;
  readonly evidence: Evidence;
}
