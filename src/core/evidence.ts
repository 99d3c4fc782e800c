/** Every control that a session reports on. */
export const controlIds = [
  'rootless',
  'user-namespace',
  'user',
  'capabilities',
  'no-new-privileges',
  'seccomp',
  'read-only-root',
  'mounts',
  'masked-paths',
  'namespaces',
  'network',
  'memory',
  'swap',
  'cpu',
  'cpu-weight',
  'pids',
  'nofile',
  'core',
  'tmpfs',
  'apparmor',
  'selinux',
  'deadline',
] as const;
export type ControlId = (typeof controlIds)[number];

/** What can be required: a control, or `host-lsm`: the security module that the host's kernel uses, if it uses any. */
export const requirements = [...controlIds, 'host-lsm'] as const;
export type Requirement = (typeof requirements)[number];

/**
 * enforced: the kernel confirms what was asked · degraded: weaker than asked, but there · absent: asked for and not
 * there · unknown: it could not be read. Only `enforced` satisfies a requirement.
 */
export type ControlStatus = 'enforced' | 'degraded' | 'absent' | 'unknown';

/** One control in three voices. Values are short texts for people and tables, with units. */
export interface ControlEvidence {
  readonly id: ControlId;
  readonly asked: string;
  readonly engine: string;
  readonly kernel: string;
  readonly status: ControlStatus;
  /** Why it is not enforced and what to do about it. */
  readonly note?: string;
}

export interface Evidence {
  readonly controls: readonly ControlEvidence[];
  /** Milliseconds since the epoch when the kernel was asked. */
  readonly readAtMs: number;
}

/** The controls of `required` that are not enforced. */
export function unmet(evidence: Evidence, required: readonly ControlId[]): readonly ControlEvidence[] {
  return required
    .map(
      (id) =>
        evidence.controls.find((c) => c.id === id) ??
        ({ id, asked: 'required', engine: '-', kernel: '-', status: 'unknown' } satisfies ControlEvidence),
    )
    .filter((c) => c.status !== 'enforced');
}
