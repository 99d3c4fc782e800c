import { type KeyCeiling, usualKeptBytes } from '../core/api-key.js';
import { isProfileAllowed } from '../core/profile.js';
import type { Ceilings, SitePolicy } from '../core/site-policy.js';
import { isReachable } from '../policy/network.js';
import { fitDefaults } from './defaults.js';
import type { Config } from './load.js';
import { isCovered } from './site-rules.js';

/** The settings as they are for the holder of a key: of everything the stricter, so that nothing is allowed that was not before. */
export function narrowed(config: Config, by: KeyCeiling): Config {
  const origins = new Map(Object.entries(config.origins));
  const draft = { policy: narrowedPolicy(config, by), origins, homeDir: '/' };
  fitDefaults(draft);
  // As if it were said with each request: what files and variables say of defaults stands beneath it.
  if (by.profile !== undefined) origins.set('defaults.profile', 'flag:--profile');
  return { ...config, sitePolicy: draft.policy, origins: Object.fromEntries(origins) };
}

function narrowedPolicy({ sitePolicy: site, hostFolders }: Config, by: KeyCeiling): SitePolicy {
  const { egress, broker, defaults } = site;
  const allow = by.allow.filter((text) => isReachable(text, egress.allow));
  const { profile = defaults.profile } = by;
  return {
    ...site,
    ceilings: leastOf(site.ceilings, by.ceilings),
    admission: { ...site.admission, ownKeptBytes: Math.min(site.admission.keptBytes, by.keptBytes ?? usualKeptBytes) },
    defaults: { ...defaults, profile },
    allowedRoots: within(site.allowedRoots, by.roots),
    // What the operator's own sessions show without being asked, and not whatever else of theirs could be.
    hostFolders,
    readWriteAllowed: site.readWriteAllowed && by.readWriteAllowed,
    // With the engine's own network its list would mean nothing.
    networks: by.allow.includes('*') ? site.networks : site.networks.filter((one) => one !== 'open'),
    // Who is asked sits at the server; what was approved there for always was not meant for holders of keys beyond their own list.
    egress: { allow, ask: [], approved: egress.approved.filter((text) => isReachable(text, allow)) },
    // A key says nothing of git hosts and routes yet: its holder has none, rather than the operator's tokens.
    broker: { ...broker, providers: broker.providers.filter((one) => by.providers.includes(one)), git: {}, routes: {} },
    profiles:
      by.profile === undefined ? site.profiles : isProfileAllowed(by.profile, site.profiles) ? [by.profile] : [],
  };
}

function leastOf(site: Ceilings, by: KeyCeiling['ceilings']): Ceilings {
  const least = Object.entries(site).map(([name, most]: [string, number]) => [
    name,
    Math.min(most, by[name as keyof Ceilings] ?? most),
  ]);
  return Object.fromEntries(least) as Ceilings;
}

/** What lies both under one of these folders and under one of those. */
function within(some: readonly string[], others: readonly string[]): readonly string[] {
  const both = [
    ...others.filter((folder) => isCovered(folder, some)),
    ...some.filter((folder) => isCovered(folder, others)),
  ];
  return [...new Set(both)];
}
