import { type SandboxSpec, workspaceTarget } from '../core/spec.js';
import { scratchOf } from './scratch.js';

/** How the pod is to be, beyond what the plan says. */
export interface PodWishes {
  /** A reference that the cluster's nodes can pull. */
  readonly image: string;
  /** What runs in it; empty: it waits for `kubectl exec` until its time is over. */
  readonly argv: readonly string[];
  /** Below the kubelet's seccomp folder. */
  readonly seccompProfile: string;
  /** The session's own; its volumes begin with it, too. */
  readonly serviceAccount: string;
}

/** No user of any image or node; above the ids of people and services on the usual systems. */
const sandboxUid = 65532;
const graceSeconds = 5;

/**
 * The pod spec of a plan: what the restricted Pod Security Standard asks for, and what Paddock adds to it (a user namespace of its own, a read-only root,
 * our filter of system calls, sized scratch, a deadline). Lives as long as the session might.
 */
export function podSpecOf(spec: SandboxSpec, wishes: PodWishes): Readonly<Record<string, unknown>> {
  const { mounts, volumes } = scratchOf(spec, wishes.serviceAccount);
  const seconds = Math.ceil(spec.lifetimeMs / 1000);
  return {
    automountServiceAccountToken: false,
    serviceAccountName: wishes.serviceAccount,
    enableServiceLinks: false,
    hostNetwork: false,
    hostPID: false,
    hostIPC: false,
    hostUsers: false,
    shareProcessNamespace: false,
    hostname: spec.hostname,
    // Nobody answers there: what may not go out has no names to ask for either.
    dnsPolicy: 'None',
    dnsConfig: { nameservers: ['127.0.0.1'] },
    restartPolicy: 'Never',
    activeDeadlineSeconds: seconds,
    terminationGracePeriodSeconds: graceSeconds,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: sandboxUid,
      runAsGroup: sandboxUid,
      fsGroup: sandboxUid,
      seccompProfile: { type: 'Localhost', localhostProfile: wishes.seccompProfile },
    },
    containers: [containerOf(spec, wishes, seconds, mounts)],
    volumes,
  };
}

function containerOf(spec: SandboxSpec, { image, argv }: PodWishes, seconds: number, volumeMounts: readonly unknown[]) {
  return {
    name: 'sandbox',
    image,
    command: argv.length > 0 ? argv.map(literal) : ['sleep', String(seconds)],
    workingDir: spec.workspace === 'none' ? spec.workdir : workspaceTarget,
    env: Object.entries(spec.env).map(([name, value]) => ({ name, value: literal(value) })),
    resources: resourcesOf(spec),
    securityContext: {
      allowPrivilegeEscalation: false,
      privileged: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts,
  };
}

/** Requests equal limits: the pod is Guaranteed, and is given what it was promised. */
export function resourcesOf({ limits }: Pick<SandboxSpec, 'limits'>) {
  const amounts = {
    cpu: `${limits.cpuMillis}m`,
    memory: String(limits.memoryBytes),
    ...(limits.diskBytes === undefined ? {} : { 'ephemeral-storage': String(limits.diskBytes) }),
  };
  return { requests: amounts, limits: amounts };
}

/**
 * Kubernetes replaces $(NAME) in values and in commands by other variables, and $$ by one $; ours are meant as they stand. A single $ before anything else
 * stays one everywhere: Podman takes $$ for an escape in front of ( alone.
 */
function literal(value: string): string {
  return value.replaceAll(/\$\$+|\$(?=\()/g, (run) => run + run);
}
