import type { RuleEntry } from '../rule-entry.js';

/** Those of options in Docker's own words. */
export const dockerRules = {
  'docker-opts.unknown-key': {
    reason: 'An option is not one of Docker’s that Paddock knows, and nothing is ignored.',
    hint: 'Remove it or correct its spelling.',
  },
  'docker-opts.duplicate-key': {
    reason:
      'The same option stands there twice, in two casings or flat and nested, so readers could disagree about it.',
    hint: 'Write each option once.',
  },
  'docker-opts.value': { reason: 'An option has the wrong type or form.', hint: 'Write it as Docker’s API does.' },
  'docker-opts.privileged': {
    reason: 'A privileged container is no sandbox.',
    hint: 'Remove Privileged; there is no switch that turns the fence off.',
  },
  'docker-opts.namespace': {
    reason: 'Every sandbox has namespaces of its own.',
    hint: 'Remove the option.',
  },
  'docker-opts.device': { reason: 'No device of the host is shown to a sandbox.', hint: 'Remove the option.' },
  'docker-opts.capability': { reason: 'All capabilities are dropped.', hint: 'Remove CapAdd.' },
  'docker-opts.read-only-root': {
    reason: 'The root of a sandbox is always read-only.',
    hint: 'Remove ReadonlyRootfs, and add Tmpfs where something must be writable.',
  },
  'docker-opts.user': {
    reason: 'Commands run as the one sandbox user, whose files belong to the caller.',
    hint: 'Remove User, or write agent.',
  },
  'docker-opts.group-add': { reason: 'Extra groups widen what a sandbox can read.', hint: 'Remove GroupAdd.' },
  'docker-opts.process-one': {
    reason: 'Process 1 is ours: it reaps, and ends the sandbox at its deadline. Commands are run by exec.',
    hint: 'Remove the option and run the command in the session.',
  },
  'docker-opts.lifecycle': {
    reason: 'Sandboxes never restart and are always removed at their end.',
    hint: 'Remove the option; use lifetime to say how long a sandbox may live.',
  },
  'docker-opts.healthcheck': { reason: 'Health checks run commands nobody asked for.', hint: 'Remove Healthcheck.' },
  'docker-opts.runtime': {
    reason: 'The option picks or steers the OCI runtime, whose settings can undo the sandbox.',
    hint: 'Remove the option.',
  },
  'docker-opts.log': {
    reason: 'A log driver or id file makes the engine write to host paths.',
    hint: 'Remove the option; session logs come from Paddock.',
  },
  'docker-opts.sysctl': { reason: 'Kernel settings are not for sandboxes to change.', hint: 'Remove Sysctls.' },
  'docker-opts.storage': {
    reason: 'Of the storage options only size can be kept without root; the others would be accepted without effect.',
    hint: 'Leave StorageOpt out, or write {"size": "10g"}; it says the same as disk.',
  },
  'docker-opts.oom': {
    reason: 'A sandbox may not escape the out-of-memory killer.',
    hint: 'Remove the option.',
  },
  'docker-opts.resource': {
    reason: 'This resource setting is not applied in this version, and accepting it would pretend it was.',
    hint: 'Remove it; memory, CPU, pids, ulimits and tmpfs sizes can be set.',
  },
  'docker-opts.masked-paths': {
    reason: 'The list of hidden kernel files is fixed.',
    hint: 'Remove the option.',
  },
  'security-opt.no-new-privileges': { reason: 'no-new-privileges is always on.', hint: 'Remove the entry.' },
  'security-opt.seccomp': {
    reason: "The seccomp profile is the site's choice.",
    hint: 'Remove the entry; seccomp of the request chooses one of Paddock’s.',
  },
  'security-opt.apparmor': { reason: "The AppArmor profile is the site's choice.", hint: 'Remove the entry.' },
  'security-opt.label': { reason: "SELinux labels are the site's choice.", hint: 'Remove the entry.' },
  'security-opt.mask': { reason: 'The list of hidden kernel files is fixed.', hint: 'Remove the entry.' },
  'security-opt.proc': { reason: 'How /proc and /sys are shown is fixed.', hint: 'Remove the entry.' },
  'security-opt.cgroup': { reason: 'Writable cgroups would let a sandbox lift its limits.', hint: 'Remove the entry.' },
  'security-opt.unknown': {
    reason: 'The entry is not a security option that Paddock knows.',
    hint: 'Remove it; no-new-privileges is the only one that may stand there.',
  },
} as const satisfies Record<string, RuleEntry>;
