import type { DoctorCheck } from '../context.js';
import { incidentPlanCheck } from './incident-plan.js';
import { accessPolicyCheck, enginePolicyCheck, limitsPolicyCheck, networkPolicyCheck } from './policy-checks.js';
import { scanningCheck } from './scanning.js';

/** One box of the list: what the doctor's checks of these ids, and all of their parts, say together. */
export interface Box {
  readonly id: string;
  readonly title: string;
  readonly checks: readonly string[];
}

/** What only the checklist looks at: on a laptop none of it is a fault. */
export const checklistChecks: readonly DoctorCheck[] = [
  ...[enginePolicyCheck, limitsPolicyCheck, networkPolicyCheck, scanningCheck, incidentPlanCheck, accessPolicyCheck],
];

/** `canary` stands in every box that has one of its controls: where it could not be started, none of them has been seen. */
export const boxes: readonly Box[] = [
  {
    ...{ id: 'engine', title: 'The engine is not exposed' },
    checks: ['engine', 'rootless', 'socket', 'socket.tcp', 'engine-policy'],
  },
  {
    ...{ id: 'limits', title: 'Limits are configured, and held' },
    checks: [
      ...['cgroups', 'swap', 'limits-policy', 'canary'],
      ...[
        'canary.memory',
        'canary.swap',
        'canary.cpu',
        'canary.pids',
        'canary.nofile',
        'canary.tmpfs',
        'canary.deadline',
      ],
    ],
  },
  { ...{ id: 'audit', title: 'The audit log is on' }, checks: ['audit-log', 'audit-written'] },
  {
    ...{ id: 'network', title: 'The network is isolated' },
    checks: ['network-policy', 'canary', 'canary.network', 'canary.namespaces'],
  },
  {
    ...{ id: 'scanning', title: 'Scanning is set up' },
    checks: ['scanning.scanner', 'scanning.policy', 'scanning.age', 'signature-policy'],
  },
  { ...{ id: 'incidents', title: 'There is a plan for incidents' }, checks: ['incident-plan'] },
  { ...{ id: 'updates', title: 'Engine, runtime and kernel are up to date' }, checks: ['versions', 'kernel'] },
  {
    ...{ id: 'access', title: 'Access is controlled' },
    checks: [
      ...['access-policy', 'settings-files', 'state-folder', 'runtime-folder', 'seccomp', 'lsm'],
      'stale-sessions.in-clear',
      ...['apparmor-profile', 'selinux-profile', 'canary', 'canary.user', 'canary.user-namespace'],
      ...['canary.capabilities', 'canary.no-new-privileges', 'canary.seccomp', 'canary.read-only-root'],
      ...['canary.mounts', 'canary.masked-paths', 'canary.apparmor', 'canary.selinux'],
    ],
  },
];
