import type { SeccompVariant } from '../../core/spec.js';
import type { Opening } from './rule.js';

/** What each variant opens of what the default refuses; rules by argument name their variants themselves. */
export const openings: Readonly<Record<SeccompVariant, Opening>> = {
  default: { purpose: 'Every sandbox that asks for nothing else.', risk: 'None beyond the default.', calls: [] },
  debug: {
    purpose: 'gdb, strace, delve, py-spy, LeakSanitizer, ThreadSanitizer.',
    risk: 'Commands of one sandbox can read and steer each other; process 1 and what is outside stay out of reach.',
    calls: ['ptrace', 'process_vm_readv', 'process_vm_writev', 'pidfd_getfd', 'kcmp'],
  },
  nested: {
    purpose: 'Programs that make a sandbox of their own: Chromium, bubblewrap, and agents that use it.',
    risk: 'User namespaces: capabilities over what one makes oneself, and with them far more of the kernel to attack.',
    calls: [
      ...['unshare', 'setns', 'mount', 'umount2', 'pivot_root', 'chroot', 'sethostname'],
      ...['landlock_create_ruleset', 'landlock_add_rule', 'landlock_restrict_self'],
    ],
  },
};
