import { readFile } from 'node:fs/promises';
import { isAppArmorOn, profileWith } from '../confine/apparmor.js';
import { isConfinedServer, isTypeLoaded, type OwnLabel, sandboxTypes, selinuxMode } from '../confine/selinux.js';
import type { CommandPath } from '../core/exec.js';
import type { SeccompVariant } from '../core/spec.js';

/** CLOCK_BOOTTIME now, in milliseconds (suspend counted; resolution 10 ms, as /proc/uptime gives it). */
export async function boottimeMs(): Promise<number> {
  const text = await readFile('/proc/uptime', 'utf8');
  return Math.round(Number(text.split(' ')[0]) * 1000);
}

/** What SELinux has to do with a sandbox. */
export interface SelinuxFacts {
  readonly selinuxEnforcing: boolean;
  /** What its processes ought to be; undefined on a host without SELinux. */
  readonly selinuxType?: string;
  /** Whether the policy has that type: an engine that is told another fails to start anything. */
  readonly isTypeThere: boolean;
}

/** Asked anew for each sandbox: an administrator may load the module at any time. The kernel's own files answer, without a round trip. */
export function selinuxFacts(variant: SeccompVariant, sysRoot?: string, own?: OwnLabel): SelinuxFacts {
  const mode = selinuxMode(sysRoot, own);
  // By its own label it knows that there is SELinux, also where it can't tell whether that enforces.
  const isOurs = isConfinedServer(own);
  if (mode === undefined && !isOurs) return { selinuxEnforcing: false, isTypeThere: false };
  const selinuxType = sandboxTypes[variant];
  const isTypeThere = isOurs || isTypeLoaded(selinuxType, sysRoot);
  return { selinuxEnforcing: mode === 'enforcing', selinuxType, isTypeThere };
}

/** The security modules that this kernel uses, whether or not they confine anything yet. */
export function activeSecurityModules(sysRoot = '/sys'): readonly ('apparmor' | 'selinux')[] {
  const isSelinuxOn = selinuxMode(sysRoot) !== undefined || isConfinedServer();
  return [...(isAppArmorOn(sysRoot) ? (['apparmor'] as const) : []), ...(isSelinuxOn ? (['selinux'] as const) : [])];
}

/**
 * The AppArmor profile that process 1 is told to put itself and so every command under; undefined where AppArmor is off. What goes
 * through the engine's exec is not started by process 1: there the claim would hold for nobody but that.
 */
export function profileFor(path: CommandPath, seccomp: SeccompVariant): string | undefined {
  return path !== 'exec' && isAppArmorOn() ? profileWith(seccomp) : undefined;
}

/**
 * Ids that a rootless Podman of this user can map besides the caller's own, from /etc/subuid, plus one for the caller.
 * Falls back to the usual 65,536 where the ranges come from elsewhere (NSS).
 */
export async function mappableIds(userName: string, uid: number): Promise<number> {
  const text = await readFile('/etc/subuid', 'utf8').catch(() => '');
  const sizes = text
    .split('\n')
    .map((line) => line.split(':'))
    .filter(([who]) => who === userName || who === String(uid))
    .map((fields) => Number(fields[2]))
    .filter((n) => Number.isSafeInteger(n) && n > 0);
  return 1 + (sizes.length > 0 ? sizes.reduce((sum, n) => sum + n, 0) : 65_536);
}
