import type { SandboxSpec } from '../core/spec.js';

/** What the plan holds and no manifest can, each with what to do about it: nothing is left out silently. */
export function notCarriedOver(spec: SandboxSpec, seccompProfile: string): readonly string[] {
  const shown = spec.mounts.filter(({ purpose }) => purpose === 'extra' || purpose === 'mcp').length;
  const notes: readonly (string | false)[] = [
    `the filter of system calls has to lie at seccomp/${seccompProfile} in the kubelet's folder of every node that may run it (usually /var/lib/kubelet); --output FOLDER writes it`,
    `at most ${spec.limits.pids} processes: a pod can't say that; set podPidsLimit of the kubelets`,
    'user namespaces (hostUsers: false) need Kubernetes 1.33, or 1.30 with the feature switched on, and a runtime that has them; elsewhere the field is ignored, and is to be required by an admission policy',
    spec.workspace !== 'none' &&
      'the project is not in the cluster: /workspace begins empty; copy into it with kubectl cp, and review what comes back',
    shown > 0 && `${shown} paths of this host that were shown inside are not there`,
    spec.egress !== undefined &&
      `${spec.egress.allow.length} places could be reached through Paddock by name, which a network policy can't say: nothing can be reached; add an egress gateway that filters by name`,
    (spec.providers ?? []).length > 0 &&
      "no models can be called: the credential broker holds the keys, and isn't there",
    spec.idleTimeoutMs !== undefined && 'the idle timeout is left out: only the deadline is kept',
    'what Paddock reads back from the kernel is not read back there: check it on a running pod',
  ];
  return notes.filter((note) => note !== false);
}
