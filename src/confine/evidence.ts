import { type ControlId, controlIds, type Evidence } from '../core/evidence.js';
import { control, type Judge } from './judge/control.js';
import { isReported, judgeCpuWeight } from './judge/cpu-weight.js';
import { judgeRootless, judgeUser, judgeUserNamespace } from './judge/identity.js';
import { judgeDeadline, judgeNamespaces, judgeNetwork } from './judge/isolation.js';
import { judgeAppArmor, judgeSelinux } from './judge/labels.js';
import { judgeCore, judgeCpu, judgeMemory, judgeNofile, judgePids, judgeSwap } from './judge/limits.js';
import { judgeMounts, judgeReadOnlyRoot } from './judge/mounts.js';
import { judgeCapabilities, judgeNoNewPrivileges } from './judge/privileges.js';
import { asReported, reportedJudges } from './judge/reported.js';
import { judgeMaskedPaths, judgeTmpfs } from './judge/scratch.js';
import { judgeSeccomp } from './judge/seccomp.js';
import type { Observation } from './observation.js';
import { observe } from './observe.js';
import { observeReport, type Report } from './report.js';
import type { EvidenceRequest } from './request.js';

const judges: Readonly<Record<ControlId, Judge>> = {
  rootless: judgeRootless,
  'user-namespace': judgeUserNamespace,
  user: judgeUser,
  capabilities: judgeCapabilities,
  'no-new-privileges': judgeNoNewPrivileges,
  seccomp: judgeSeccomp,
  'read-only-root': judgeReadOnlyRoot,
  mounts: judgeMounts,
  'masked-paths': judgeMaskedPaths,
  namespaces: judgeNamespaces,
  network: judgeNetwork,
  memory: judgeMemory,
  swap: judgeSwap,
  cpu: judgeCpu,
  'cpu-weight': judgeCpuWeight,
  pids: judgePids,
  nofile: judgeNofile,
  core: judgeCore,
  tmpfs: judgeTmpfs,
  apparmor: judgeAppArmor,
  selinux: judgeSelinux,
  deadline: judgeDeadline,
};

/**
 * What was asked, what the engine says and what the kernel says of a running sandbox, one row per control. Reads /proc
 * and the cgroup files only; nothing is changed. Call it after start and before anything but our init runs inside.
 * Never throws: what can't be read is `unknown`, and so is everything when the process went away or was replaced.
 */
export async function readEvidence(request: EvidenceRequest): Promise<Evidence> {
  return judgeEvidence(await observe(request), request);
}

/**
 * The same by the report of process 1 (`reportWords`), taken before anything foreign ran: for a server in a container, which does not see
 * the sandbox's processes. Every row says by whom it is.
 */
export async function reportedEvidence(report: Report, request: EvidenceRequest, ours: string): Promise<Evidence> {
  return judgeEvidence(await observeReport(report, request, ours), request);
}

/** The pure half of `readEvidence`. */
export function judgeEvidence(seen: Observation, request: EvidenceRequest): Evidence {
  const ids = controlIds.filter((id) => isReported(id, request.spec));
  const controls = ids.map((id) => {
    const isReport = seen.inside !== undefined;
    const judge = (isReport ? reportedJudges[id] : undefined) ?? judges[id];
    const row = isReport ? asReported(judge(seen, request)) : judge(seen, request);
    if (seen.isSameProcess) return row;
    const note = 'Process 1 of the sandbox went away or was replaced while it was being read.';
    return control(id, { asked: row.asked, engine: row.engine }, 'unknown', note);
  });
  return { controls, readAtMs: request.nowMs };
}
