import type { ControlId, Requirement } from '../core/evidence.js';
import { isProfileAllowed, type Profile, type ProfileDefaults, standardProfile } from '../core/profile.js';
import type { Defaults, SitePolicy } from '../core/site-policy.js';
import { networkModes, seccompVariants } from '../core/spec.js';
import { rules } from './rules.js';
import { nearest } from './text.js';
import { deny } from './verdict.js';

/** What profiles are chosen from. */
export interface ProfileContext {
  readonly sitePolicy: SitePolicy;
  /** Every one there is; default: `standard` alone. */
  readonly profiles?: readonly Profile[];
  /** Where each default came from, `defaults.memoryBytes` to `policy:/etc/paddock/policy.toml`; default: built in. */
  readonly origins?: Readonly<Record<string, string>>;
}

/** A profile laid over the defaults of a host. */
export interface ChosenProfile {
  readonly profile: Profile;
  /** The site's policy with these defaults and with what the profile requires besides. */
  readonly sitePolicy: SitePolicy;
  /** Those of the defaults that are the profile's own. */
  readonly own: ReadonlySet<keyof Defaults>;
}

/**
 * The profile that a request names, or the one of the settings, laid over their defaults. It counts more than what was set further away than it
 * was named: named by a request it stands over files and variables, and beneath the flags of the command line and all that the request says
 * itself; named by a file it stands beneath the values of that same file. Ceilings come after it. Denials: profile.unknown, profile.not-allowed.
 */
export function chooseProfile(asked: string | undefined, context: ProfileContext): ChosenProfile {
  const { sitePolicy, origins = {} } = context;
  const { defaults, require } = sitePolicy;
  const profile = find(asked ?? defaults.profile, context);
  const named = asked === undefined ? rankOf(origins['defaults.profile']) : ranks.request;
  const own = new Map<keyof Defaults, string | number>();
  for (const [name, value] of Object.entries(profile.defaults)) {
    const key = name as keyof ProfileDefaults;
    const origin = origins[`defaults.${key}`];
    // What is built in gives way to every profile.
    if (rankOf(origin) > ranks.default && rankOf(origin) >= named) continue;
    if (profile.onlyTightens && !isTighter(key, value, defaults[key])) continue;
    own.set(key, value);
  }
  return {
    profile,
    own: new Set(own.keys()),
    sitePolicy: {
      ...sitePolicy,
      // Under each key stands what the profile has for that key.
      defaults: { ...defaults, ...(Object.fromEntries(own) as ProfileDefaults), profile: profile.name },
      require: [...new Set([...require, ...profile.require])],
    },
  };
}

/** Which source counts more, from what `config` says of each: `policy:PATH`, `file:PATH`, `env:NAME`, `flag:--name`. */
const ranks = { default: 0, policy: 1, file: 2, env: 3, request: 4, flag: 5 } as const;

function rankOf(origin = 'default'): number {
  const source = origin.split(':', 1)[0] ?? '';
  // What is not known here is taken for the caller's own word: nothing is laid over it unseen.
  return source in ranks ? ranks[source as keyof typeof ranks] : ranks.flag;
}

/** From the strictest on. */
const words: Readonly<Partial<Record<keyof Defaults, readonly string[]>>> = {
  workspace: ['none', 'ro', 'cow', 'rw'],
  seccomp: seccompVariants,
  network: networkModes,
};

function isTighter(key: keyof Defaults, value: string | number, before: string | number): boolean {
  if (typeof value === 'number' && typeof before === 'number') return value < before;
  const order = words[key] ?? [];
  return order.indexOf(String(value)) < order.indexOf(String(before));
}

function find(name: string, { sitePolicy, profiles = [standardProfile] }: ProfileContext): Profile {
  const allowed = profiles.filter((one) => isProfileAllowed(one.name, sitePolicy.profiles)).map((one) => one.name);
  const profile = profiles.find((one) => one.name === name);
  if (profile === undefined) {
    const meant = nearest(name, allowed);
    const hint = meant === undefined ? undefined : `Did you mean ${meant}? ${rules['profile.unknown'].hint}`;
    deny('profile.unknown', `there is no profile ${name}; there are ${allowed.join(', ')}`, hint);
  }
  if (!allowed.includes(name)) {
    deny('profile.not-allowed', `the policy allows the profiles ${allowed.join(', ') || 'none'}, not ${name}`);
  }
  return profile;
}

/** What has to be confirmed on this very host. */
export function requiredHere(
  required: readonly Requirement[],
  securityModules: readonly ControlId[] = [],
): readonly ControlId[] {
  return [...new Set(required.flatMap((id) => (id === 'host-lsm' ? securityModules : [id])))];
}
