/** Where the sandbox user's home is: a tmpfs, gone with the sandbox. */
export const sandboxHome = '/home/agent';

export const sandboxHostname = 'sandbox';

/**
 * Variables every command starts with. TERM is dumb because there is no terminal: pagers and progress bars stay away.
 * PATH is ours for the host image only; another image's own PATH knows where its programs are.
 */
export function baseEnv(imageKind: 'host' | 'reference'): Readonly<Record<string, string>> {
  const path = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' };
  return { HOME: sandboxHome, LANG: 'C.UTF-8', TERM: 'dumb', ...(imageKind === 'host' ? path : {}) };
}

/**
 * Kernel files that tell about the host or its other users, or leak side channels. Engines hide some of them, each
 * version others (Podman 4.3.1 lacks interrupts and powercap), so we name them all; those a kernel lacks are skipped
 * by the OCI runtimes.
 */
export const maskedPaths: readonly string[] = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kallsyms',
  '/proc/kcore',
  '/proc/key-users',
  '/proc/keys',
  '/proc/kmsg',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/slabinfo',
  '/proc/softirqs',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/dmi',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
  '/sys/fs/bpf',
  '/sys/fs/selinux',
  '/sys/kernel/debug',
  '/sys/kernel/security',
  '/sys/kernel/tracing',
];
