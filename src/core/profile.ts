import type { Requirement } from './evidence.js';
import type { Defaults } from './site-policy.js';

/** What a profile can set: all that a request has a default for. */
export type ProfileDefaults = Partial<Omit<Defaults, 'profile'>>;

/** A named, described set of defaults (`profiles/presets/NAME.toml`): what whoever names it gets for what they leave out. */
export interface Profile {
  readonly name: string;
  readonly description: string;
  /** The file it stands in; undefined for the one that is there without any. */
  readonly path: string | undefined;
  /** Whether it came with Paddock; else it is the site's or the user's own. */
  readonly isShipped: boolean;
  /** Whether what is stricter already stays as it is. */
  readonly onlyTightens: boolean;
  /** Added to what the site requires; nothing takes any of it away. */
  readonly require: readonly Requirement[];
  readonly defaults: ProfileDefaults;
}

/** What is used where nothing is named: the defaults and nothing besides. */
export const standardProfile: Profile = {
  name: 'standard',
  description: 'The defaults of this host',
  path: undefined,
  isShipped: true,
  onlyTightens: false,
  require: [],
  defaults: {},
};

/** Whether a name is among those allowed: exact ones, or beginnings with a `*` behind. */
export function isProfileAllowed(name: string, allowed: readonly string[]): boolean {
  return allowed.some((pattern) => (pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern));
}
