import type { ControlId, Requirement } from '../core/evidence.js';
import type { Profile } from '../core/profile.js';
import type { Ceilings, Defaults, SitePolicy } from '../core/site-policy.js';
import { type CreateContext, decideCreate } from './create.js';
import { places } from './plan-values.js';
import { chooseProfile, requiredHere } from './profile.js';
import type { CreateRequest } from './request.js';
import type { Denied } from './verdict.js';

/** One value that a session with a profile would have. */
export interface EffectiveValue {
  readonly key: keyof Defaults;
  readonly value: string | number;
  /** `default`, `policy:PATH`, `file:PATH`, `env:NAME`, `flag:--name`, `profile:NAME`, or `request`. */
  readonly origin: string;
  /** What it would be, and what lowered it: a ceiling with its own origin, or the host. */
  readonly lowered?: { readonly from: string | number; readonly by: string };
}

export interface ProfileExplanation {
  readonly verdict: 'allow';
  readonly profile: Profile;
  readonly values: readonly EffectiveValue[];
  /** `here`: what of it this host has to confirm. */
  readonly require: readonly {
    readonly control: Requirement;
    readonly origin: string;
    readonly here: readonly ControlId[];
  }[];
  readonly notes: readonly string[];
}

/** The arguments of a request that set these. */
const requestKeys: Readonly<Partial<Record<keyof Defaults, keyof CreateRequest>>> = {
  memoryBytes: 'memory',
  cpuMillis: 'cpus',
  pids: 'pids',
  diskBytes: 'disk',
  lifetimeMs: 'lifetime',
  idleTimeoutMs: 'idleTimeout',
  timeoutMs: 'timeout',
  keepChangesMs: 'keepChanges',
  workspace: 'workspace',
  seccomp: 'seccomp',
  network: 'network',
};

/**
 * What a session would have that is asked for with this profile, and where each value comes from. The values are those of the decision itself;
 * what the request asks for beyond single arguments (dockerOpts) is not told apart.
 */
export function explainProfile(
  request: CreateRequest & { profile: string },
  context: CreateContext,
): ProfileExplanation | Denied {
  // Whether a project is shown is for the values to say, not for the want of one. The path is not looked at.
  const shown = request.projectPath === undefined && request.workspace !== 'none' ? { projectPath: '/project' } : {};
  const verdict = decideCreate({ ...shown, ...request }, context);
  if (verdict.verdict === 'deny') return verdict;
  const { profile, own, sitePolicy } = chooseProfile(request.profile, context);
  const origins = context.origins ?? {};
  const values = (Object.keys(places) as (keyof Defaults)[])
    .filter((key) => key !== 'profile')
    .map((key): EffectiveValue => {
      const wanted = sitePolicy.defaults[key];
      const value = places[key](verdict.spec) ?? wanted;
      const argument = requestKeys[key];
      if (argument !== undefined && request[argument] !== undefined) return { key, value, origin: 'request' };
      const origin = own.has(key) ? `profile:${profile.name}` : (origins[`defaults.${key}`] ?? 'default');
      if (value === wanted) return { key, value, origin };
      return { key, value, origin, lowered: { from: wanted, by: loweredBy(key, wanted, sitePolicy, origins) } };
    });
  const require = sitePolicy.require.map((control) => {
    const ofSite = context.sitePolicy.require.includes(control);
    const origin = ofSite ? (origins[`require.${control}`] ?? 'default') : `profile:${profile.name}`;
    return { control, origin, here: requiredHere([control], context.host.securityModules) };
  });
  return { verdict: 'allow', profile, values, require, notes: verdict.notes };
}

const ofMemory = 'its share of the memory';
const ofHost: Readonly<Partial<Record<keyof Defaults, string>>> = {
  memoryBytes: 'half of what the host has',
  cpuMillis: 'the processors of the host',
  shmBytes: ofMemory,
  tmpBytes: ofMemory,
  homeBytes: ofMemory,
  timeoutMs: 'the longest time of any command',
};

function loweredBy(
  key: keyof Defaults,
  wanted: string | number,
  { ceilings }: SitePolicy,
  origins: Readonly<Record<string, string>>,
): string {
  const name = key === 'tmpBytes' || key === 'homeBytes' ? 'tmpfsBytes' : key;
  const of = (rule: string) => `${rule} (${origins[rule] ?? 'default'})`;
  if (key === 'workspace') return of('policy.readWriteAllowed');
  const ceiling = name in ceilings ? ceilings[name as keyof Ceilings] : Number.POSITIVE_INFINITY;
  return typeof wanted === 'number' && wanted > ceiling ? of(`ceilings.${name}`) : (ofHost[key] ?? 'the host');
}
