import type { SeccompVariant } from '../core/spec.js';
import { namesIn, readProcFile } from '../kit/proc/read.js';

/** The profile that sandboxes are put under where it is loaded: `profiles/apparmor/paddock-sandbox`. */
export const sandboxProfile = 'paddock-sandbox';

/** In its place where commands make sandboxes of their own: `profiles/apparmor/paddock-sandbox-nested`. */
export const nestedProfile = 'paddock-sandbox-nested';

/** What `paddock profiles` calls them. */
export const apparmorNames = { apparmor: sandboxProfile, 'apparmor-nested': nestedProfile } as const;

/** The profile that goes with a system call filter. */
export function profileWith(variant: SeccompVariant): string {
  return variant === 'nested' ? nestedProfile : sandboxProfile;
}

/** A profile as this kernel has it. */
export interface LoadedProfile {
  /** `enforce`, `complain`, `kill`, `prompt` or `unconfined`. */
  readonly mode: string;
  /** Of the compiled rules; absent where the kernel keeps none. */
  readonly hash?: { readonly algorithm: 'sha256' | 'sha1'; readonly value: string };
}

/** Whether the kernel uses AppArmor. `sysRoot`: default `/sys`. */
export function isAppArmorOn(sysRoot = '/sys'): boolean {
  return readProcFile(`${sysRoot}/module/apparmor/parameters/enabled`)?.trim() === 'Y';
}

/**
 * A profile that is loaded, read without any right: the list in `profiles` is root's, the folders beneath `policy` are
 * everybody's. Undefined where it is not loaded, or securityfs is not there to tell.
 */
export function loadedProfile(name: string, sysRoot = '/sys'): LoadedProfile | undefined {
  const folder = `${sysRoot}/kernel/security/apparmor/policy/profiles`;
  for (const entry of namesIn(folder)) {
    // Named after the profile, with a number behind.
    if (!entry.startsWith(`${name}.`) || !/^\d+$/.test(entry.slice(name.length + 1))) continue;
    if (readProcFile(`${folder}/${entry}/name`)?.trim() !== name) continue;
    const mode = readProcFile(`${folder}/${entry}/mode`)?.trim();
    if (mode !== undefined) return { mode, ...hashIn(`${folder}/${entry}`) };
  }
  return undefined;
}

/** SHA-1 before Linux 6.8. */
function hashIn(folder: string): Pick<LoadedProfile, 'hash'> {
  for (const algorithm of ['sha256', 'sha1'] as const) {
    const value = readProcFile(`${folder}/${algorithm}`)?.trim();
    if (value !== undefined && value !== '') return { hash: { algorithm, value } };
  }
  return {};
}
