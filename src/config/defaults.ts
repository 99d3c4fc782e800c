import { isProfileAllowed } from '../core/profile.js';
import type { Ceilings, Defaults, SitePolicy } from '../core/site-policy.js';
import { loosens, type PolicyDraft } from './policy-draft.js';
import type { PolicyFile, UserSettings } from './schema.js';

/** Names of the defaults in files and in the policy. */
export const defaultKeys = {
  memory: 'memoryBytes',
  cpus: 'cpuMillis',
  pids: 'pids',
  nofile: 'nofile',
  shm: 'shmBytes',
  tmp: 'tmpBytes',
  home: 'homeBytes',
  disk: 'diskBytes',
  disk_inodes: 'diskInodes',
  lifetime: 'lifetimeMs',
  idle: 'idleTimeoutMs',
  timeout: 'timeoutMs',
  keep_changes: 'keepChangesMs',
  workspace: 'workspace',
  seccomp: 'seccomp',
  network: 'network',
  profile: 'profile',
} as const satisfies Record<keyof NonNullable<PolicyFile['defaults']>, keyof Defaults>;

/** Puts defaults over the draft; one above its ceiling, or `rw` where nothing may write, is `BAD_CONFIG`. */
export function applyDefaults(
  draft: PolicyDraft,
  defaults: UserSettings['defaults'],
  origin: (key: string) => string,
): void {
  const merged: Record<string, unknown> = { ...draft.policy.defaults };
  for (const [name, value] of Object.entries(defaults ?? {})) {
    const key = defaultKeys[name as keyof typeof defaultKeys];
    const from = origin(`defaults.${name}`);
    const ceiling = ceilingOf(key, draft.policy);
    if (typeof value === 'number' && value > ceiling) loosens(`defaults.${name}`, value, ceiling, from);
    if (typeof value === 'string') checkWord(key, value, draft.policy, from);
    merged[key] = value;
    draft.origins.set(`defaults.${key}`, from);
  }
  draft.policy = { ...draft.policy, defaults: merged as unknown as Defaults };
}

/** Lowers defaults that nobody set to the ceilings somebody did. */
export function fitDefaults(draft: PolicyDraft): void {
  const { defaults, readWriteAllowed } = draft.policy;
  const fitted = Object.entries(defaults).map(([name, value]: [string, string | number]) => {
    const key = name as keyof Defaults;
    return [name, typeof value === 'number' ? Math.min(value, ceilingOf(key, draft.policy)) : value];
  });
  const workspace = defaults.workspace === 'rw' && !readWriteAllowed ? 'cow' : defaults.workspace;
  const seccomp = draft.policy.seccomp.includes(defaults.seccomp) ? defaults.seccomp : 'default';
  const network = draft.policy.networks.includes(defaults.network) ? defaults.network : 'none';
  const words = { workspace, seccomp, network };
  draft.policy = { ...draft.policy, defaults: { ...(Object.fromEntries(fitted) as Defaults), ...words } };
}

function checkWord(key: keyof Defaults, value: string, policy: SitePolicy, from: string): void {
  const { readWriteAllowed, seccomp, profiles } = policy;
  const networks: readonly string[] = ['none', ...policy.networks];
  const filters: readonly string[] = ['default', ...seccomp];
  if (key === 'workspace' && value === 'rw' && !readWriteAllowed) loosens('defaults.workspace', 'rw', 'cow', from);
  if (key === 'seccomp' && !filters.includes(value)) loosens('defaults.seccomp', value, filters, from);
  if (key === 'network' && !networks.includes(value)) loosens('defaults.network', value, networks, from);
  if (key === 'profile' && !isProfileAllowed(value, profiles)) loosens('defaults.profile', value, profiles, from);
}

function ceilingOf(key: keyof Defaults, { ceilings }: SitePolicy): number {
  if (key === 'tmpBytes' || key === 'homeBytes') return ceilings.tmpfsBytes;
  return key in ceilings ? ceilings[key as keyof Ceilings] : Number.POSITIVE_INFINITY;
}
