import type { AlarmThresholds } from '../core/alarm-thresholds.js';
import type { AdmissionRules, Ceilings, SitePolicy } from '../core/site-policy.js';
import { isReachable } from '../policy/network.js';
import { applyBrokerRules } from './broker-rules.js';
import { covers, imagesOf } from './image-rules.js';
import { expandHome, loosens, type PolicyDraft } from './policy-draft.js';
import type { PolicyFile, UserSettings } from './schema.js';

/** Names of the numbers in files and in the policy. */
export const ceilingKeys = {
  memory: 'memoryBytes',
  cpus: 'cpuMillis',
  cpu_shares: 'cpuShares',
  pids: 'pids',
  nofile: 'nofile',
  fsize: 'fsizeBytes',
  shm: 'shmBytes',
  tmpfs: 'tmpfsBytes',
  disk: 'diskBytes',
  disk_inodes: 'diskInodes',
  lifetime: 'lifetimeMs',
  idle: 'idleTimeoutMs',
  timeout: 'timeoutMs',
  keep_changes: 'keepChangesMs',
  egress_connections: 'egressConnections',
  egress_bytes: 'egressBytes',
  egress_rate: 'egressBytesPerSecond',
} as const satisfies Record<keyof NonNullable<PolicyFile['ceilings']>, keyof Ceilings>;

export const alarmKeys = {
  throttled: 'throttledPercent',
  throttled_for: 'throttledForMs',
  pids: 'pidsPercent',
  memory_pressure: 'memoryPressurePercent',
  memory: 'memoryPercent',
  memory_for: 'memoryForMs',
  host_pressure: 'hostPressurePercent',
  host_pressure_for: 'hostPressureForMs',
  denials: 'denials',
  denials_within: 'denialsWithinMs',
  unknown_sessions: 'unknownSessions',
} as const satisfies Record<keyof NonNullable<PolicyFile['alarms']>, keyof AlarmThresholds>;

export const admissionKeys = {
  user_sessions: 'userSessions',
  memory: 'memoryPercent',
  cpus: 'cpuPercent',
  free_memory: 'freeMemoryBytes',
  wait: 'waitMs',
  waiting: 'waiting',
  kept_changes: 'keptBytes',
} as const satisfies Record<keyof NonNullable<PolicyFile['admission']>, keyof AdmissionRules>;

/** Names of everything else. */
export const ruleKeys = {
  allowed_roots: 'allowedRoots',
  read_write: 'readWriteAllowed',
  pull: 'pullAllowed',
  host_folders: 'hostFolders',
  require: 'require',
  seccomp: 'seccomp',
  networks: 'networks',
  profiles: 'profiles',
  max_sessions: 'maxSessions',
  rootful: 'rootfulAllowed',
  tcp: 'tcpAllowed',
  init_report: 'initReportAccepted',
  version_floor: 'versionFloorRequired',
  canary_required: 'canaryRequired',
} as const satisfies Record<string, keyof SitePolicy>;

export type SiteRules = NonNullable<UserSettings['policy']>;
type RuleName = keyof typeof ruleKeys;
/** Tables of numbers. */
type Table = 'ceilings' | 'alarms' | 'admission';
type FolderName = 'allowed_roots' | 'host_folders';

/** Puts one file's rules over the draft. With `onlyTighten` every value must be at least as strict as the one before. */
export function applyRules(draft: PolicyDraft, rules: SiteRules, origin: string, onlyTighten: boolean): void {
  const before = draft.policy;
  const numbers = { draft, origin, onlyTighten };
  const ceilings = withNumbers(before.ceilings, rules.ceilings, { ...numbers, table: 'ceilings', keys: ceilingKeys });
  const alarms = withNumbers(before.alarms, rules.alarms, { ...numbers, table: 'alarms', keys: alarmKeys });
  const admission = withNumbers(before.admission, rules.admission, {
    ...numbers,
    table: 'admission',
    keys: admissionKeys,
  });
  const others: Record<string, unknown> = {};
  for (const name of Object.keys(ruleKeys) as RuleName[]) {
    if (rules[name] === undefined) continue;
    if (onlyTighten) checkTighter(name, rules, draft, origin);
    others[ruleKeys[name]] = ruleValue(name, rules, draft);
    draft.origins.set(`policy.${ruleKeys[name]}`, origin);
  }
  const added = rules.require?.filter((id) => !before.require.includes(id)) ?? [];
  for (const id of added) draft.origins.set(`require.${id}`, origin);
  const egress = reachable(draft, rules.egress, origin, onlyTighten);
  const broker = applyBrokerRules(draft, rules.broker, origin, onlyTighten);
  const images = imagesOf(draft, rules.images, origin, onlyTighten);
  const withhold = withMore(draft, rules.apply?.withhold ?? [], origin);
  // It holds only keys of the table above, with the values the schema made for them.
  draft.policy = {
    ...before,
    ...(others as Partial<SitePolicy>),
    ...images,
    ceilings,
    alarms,
    admission,
    egress,
    broker,
    withhold,
  };
}

/** What sandboxes may reach, by the lists of one file: each takes the place of the one before, and may hold no more where that has to be so. */
function reachable(
  { policy, origins }: PolicyDraft,
  given: SiteRules['egress'],
  origin: string,
  onlyTighten: boolean,
): SitePolicy['egress'] {
  const lists = { ...policy.egress };
  for (const name of ['allow', 'ask'] as const) {
    const list = given?.[name];
    if (list === undefined) continue;
    const foreign = onlyTighten ? list.find((text) => !isReachable(text, policy.egress[name])) : undefined;
    if (foreign !== undefined) loosens(`egress.${name}`, foreign, policy.egress[name], origin);
    lists[name] = list;
    origins.set(`policy.egress.${name}`, origin);
  }
  return lists;
}

/** Every file can withhold more, and none less. */
function withMore({ policy, origins }: PolicyDraft, added: readonly string[], origin: string): readonly string[] {
  if (added.length > 0) origins.set('policy.withhold', origin);
  return [...new Set([...policy.withhold, ...added])];
}

interface NumbersOptions<T> {
  readonly draft: PolicyDraft;
  readonly origin: string;
  readonly onlyTighten: boolean;
  readonly table: Table;
  readonly keys: Readonly<Record<string, keyof T & string>>;
}

/** A shorter time to count in makes fewer alarms, and less memory to be left lets more in; everything else is stricter when lower. */
const stricterWhenHigher = ['denials_within', 'free_memory'];

/** The numbers of a table with those given put over them. */
function withNumbers<T extends object>(before: T, values: SiteRules[Table], options: NumbersOptions<T>): T {
  const { draft, origin, onlyTighten, table, keys } = options;
  const numbers = { ...before } as Record<string, number>;
  for (const [name, value] of given(values)) {
    const key = keys[name] ?? name;
    const most = numbers[key] ?? 0;
    const isLooser = stricterWhenHigher.includes(name) ? value < most : value > most;
    if (onlyTighten && isLooser) loosens(`${table}.${name}`, value, most, origin);
    numbers[key] = value;
    draft.origins.set(`${table}.${key}`, origin);
  }
  return numbers as T;
}

function ruleValue(name: RuleName, rules: SiteRules, { policy, homeDir }: PolicyDraft): unknown {
  // What the floor or the site requires stays required.
  if (name === 'require') return [...new Set([...policy.require, ...(rules.require ?? [])])];
  if (name === 'allowed_roots' || name === 'host_folders') {
    return (rules[name] ?? []).map((path) => expandHome(path, homeDir));
  }
  return rules[name];
}

function checkTighter(name: RuleName, rules: SiteRules, { policy, homeDir }: PolicyDraft, origin: string): void {
  if (name === 'require') return;
  if (name === 'version_floor') {
    if (rules.version_floor === false && policy.versionFloorRequired) loosens(name, false, true, origin);
  } else if (name === 'canary_required') {
    if (rules.canary_required === false && policy.canaryRequired) loosens(name, false, true, origin);
  } else if (name === 'max_sessions') {
    if ((rules.max_sessions ?? 0) > policy.maxSessions) loosens(name, rules.max_sessions, policy.maxSessions, origin);
  } else if (name === 'seccomp') {
    const opened = rules.seccomp?.find((one) => one !== 'default' && !policy.seccomp.includes(one));
    if (opened !== undefined) loosens(name, opened, ['default', ...policy.seccomp], origin);
  } else if (name === 'networks') {
    const opened = rules.networks?.find((one) => one !== 'none' && !policy.networks.includes(one));
    if (opened !== undefined) loosens(name, opened, ['none', ...policy.networks], origin);
  } else if (name === 'profiles') {
    const foreign = rules[name]?.find((item) => !policy[name].some((allowed) => covers(allowed, item)));
    if (foreign !== undefined) loosens(name, foreign, policy[name], origin);
  } else if (name === 'allowed_roots' || name === 'host_folders') {
    const allowed = policy[ruleKeys[name]];
    const foreign = outside(name, rules, allowed, homeDir);
    if (foreign !== undefined) loosens(name, foreign, allowed, origin);
  } else if (rules[name] === true && !policy[ruleKeys[name]]) loosens(name, true, false, origin);
}

function outside(name: FolderName, rules: SiteRules, allowed: readonly string[], homeDir: string): string | undefined {
  return rules[name]?.map((path) => expandHome(path, homeDir)).find((path) => !isCovered(path, allowed));
}

/** Whether `path` is one of the folders or lies beneath one. */
export function isCovered(path: string, folders: readonly string[]): boolean {
  return folders.some((folder) => folder === '/' || path === folder || path.startsWith(`${folder}/`));
}

function given(values: SiteRules[Table]): readonly [string, number][] {
  return Object.entries(values ?? {}).filter((entry): entry is [string, number] => entry[1] !== undefined);
}
