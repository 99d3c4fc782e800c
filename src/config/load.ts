import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConfigError } from '../core/errors.js';
import type { CommandPath } from '../core/exec.js';
import type { Profile } from '../core/profile.js';
import type { SitePolicy } from '../core/site-policy.js';
import type { CopyOnWriteWay } from '../core/spec.js';
import { type AlertSettings, alertSettings } from './alerts.js';
import { approvedPath, findApproved, readApproved } from './approved.js';
import { type AuditSettings, settleAudit } from './audit-settings.js';
import { builtInPolicy } from './built-in-policy.js';
import { applyDefaults, fitDefaults } from './defaults.js';
import { type ConfigEffects, diskEffects } from './effects.js';
import { type EncryptionSettings, settleEncryption } from './encryption.js';
import { envLayer, flagLayer, type Layer, unknownVariables } from './layers.js';
import { type MetricsSettings, metricsSettings } from './metrics.js';
import { type OAuthSettings, oauthSettings } from './oauth.js';
import { expandHome, type PolicyDraft } from './policy-draft.js';
import { loadProfiles, type ProfileFolder, settleProfile } from './profiles.js';
import { type LogLevel, policyFileSchema, type UserSettings, userSettingsSchema } from './schema.js';
import { applyRules, isCovered } from './site-rules.js';
import { parseToml } from './toml.js';
import { type TracingSettings, tracingSettings } from './tracing.js';
import { checkWriters } from './trust.js';

export const defaultPolicyPath = '/etc/paddock/policy.toml';

/** As they came with Paddock, beside the build as beside the source. */
const shippedProfiles = fileURLToPath(new URL('../../profiles/presets', import.meta.url));

export interface ConfigInput {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Flags by name without dashes, for example `{ 'log-level': 'debug' }`. */
  readonly flags: Readonly<Record<string, string | undefined>>;
  readonly homeDir: string;
  readonly uid: number;
  /** For tests: a policy file that may also belong to the caller. */
  readonly policyPath?: string;
  /** For tests: the folder of the profiles that came with Paddock. */
  readonly shippedProfiles?: string;
  readonly effects?: ConfigEffects;
}

/** Every setting in effect. Frozen, all the way down. */
export interface Config {
  /** Endpoint to use instead of looking for one. */
  readonly engine: string | undefined;
  /** Host folders the host image shows when a request names none; all are within the policy's. */
  readonly hostFolders: readonly string[];
  /** Keys for the credential broker; undefined: none are in a file. */
  readonly keyFile: string | undefined;
  readonly auditLogPath: string;
  readonly audit: AuditSettings;
  readonly encryption: EncryptionSettings;
  /** What was approved for always, a rule a line. */
  readonly approvedPath: string;
  readonly stateDir: string;
  readonly runtimeDir: string;
  readonly logLevel: LogLevel;
  /** How commands get into a sandbox. */
  readonly commandPath: CommandPath;
  readonly copyOnWrite: CopyOnWriteWay;
  /** What the audit log calls the MCP client; undefined: what the client says of itself. */
  readonly clientName: string | undefined;
  readonly alerts: AlertSettings;
  readonly metrics: MetricsSettings;
  /** Where traces of calls go; undefined: nowhere. */
  readonly tracing: TracingSettings | undefined;
  /** Whose access tokens `serve --http` takes; undefined: nobody's. */
  readonly oauth: OAuthSettings | undefined;
  readonly sitePolicy: SitePolicy;
  /** Every profile there is, whether or not the policy lets it be asked for. */
  readonly profiles: readonly Profile[];
  /** Where each value came from: `default`, `file:PATH`, `env:NAME`, `flag:--name` or `policy:PATH`. */
  readonly origins: Readonly<Record<string, string>>;
  readonly warnings: readonly string[];
}

/**
 * Reads flags, environment, the user's file and the site's policy into one Config. Fails closed with ConfigError
 * `BAD_CONFIG` on anything unknown, malformed, or looser than the policy, and on files that others could have written.
 */
export async function loadConfig(input: ConfigInput): Promise<Config> {
  const effects = input.effects ?? diskEffects;
  const origins = new Map<string, string>();
  const draft: PolicyDraft = { policy: builtInPolicy(expandHome('~', input.homeDir)), origins, homeDir: input.homeDir };
  const hasSite = await applyPolicyFile(draft, input, effects);
  const warnings = [...unknownVariables(input.env)];
  const configHome = folderFrom('XDG_CONFIG_HOME', `${input.homeDir}/.config`, input, warnings);
  const fileLayer = await readUserFile(`${configHome}/paddock/config.toml`, input, effects);
  const profiles = await loadProfiles(profileFolders(input, configHome), effects);
  const layers = [...fileLayer, envLayer(input.env), flagLayer(input.flags)];
  for (const layer of layers) {
    const { policy, max_sessions, defaults } = layer.settings;
    // Where nobody has set the machine's policy, its user is the site; variables and flags never are.
    const onlyTighten = hasSite || !fileLayer.includes(layer);
    if (policy !== undefined) applyRules(draft, policy, layer.origin('policy'), onlyTighten);
    if (max_sessions !== undefined) {
      applyRules(draft, { max_sessions }, layer.origin('max_sessions'), onlyTighten);
    }
    fitDefaults(draft);
    applyDefaults(draft, defaults, layer.origin);
  }
  settleProfile(draft, profiles);
  const approvedAt = approvedPath(configHome);
  const approvals = await findApproved(approvedAt, input.uid, effects);
  const { egress } = draft.policy;
  const approved = readApproved(approvals, approvedAt, [...egress.allow, ...egress.ask], warnings);
  draft.policy = { ...draft.policy, egress: { ...egress, approved } };
  if (approved.length > 0) origins.set('policy.egress.approved', `file:${approvedAt}`);
  const config = {
    ...settle(layers, draft, input, warnings),
    approvedPath: approvedAt,
    sitePolicy: draft.policy,
    profiles,
  };
  return deepFreeze({ ...config, origins: Object.fromEntries(origins), warnings });
}

/** The site's beside its policy, the user's beside their settings. */
function profileFolders(input: ConfigInput, configHome: string): readonly ProfileFolder[] {
  const { uid, policyPath } = input;
  return [
    { path: input.shippedProfiles ?? shippedProfiles, isShipped: true },
    {
      path: `${dirname(policyPath ?? defaultPolicyPath)}/profiles`,
      isShipped: false,
      owners: policyPath === undefined ? [0] : [0, uid],
    },
    { path: `${configHome}/paddock/profiles`, isShipped: false, owners: [0, uid], followLinks: true },
  ];
}

async function applyPolicyFile(draft: PolicyDraft, input: ConfigInput, effects: ConfigEffects): Promise<boolean> {
  const path = input.policyPath ?? defaultPolicyPath;
  const file = await effects.readFile(path, false);
  if (file === undefined) return false;
  checkWriters(file, path, input.policyPath === undefined ? [0] : [0, input.uid]);
  const { defaults, ...rules } = parseToml(file.text, path, policyFileSchema);
  applyRules(draft, rules, `policy:${path}`, false);
  fitDefaults(draft);
  applyDefaults(draft, defaults, () => `policy:${path}`);
  return true;
}

/** Links are followed here, since people keep their settings elsewhere; what is at the end must still be theirs. */
async function readUserFile(path: string, input: ConfigInput, effects: ConfigEffects): Promise<readonly Layer[]> {
  const file = await effects.readFile(path, true);
  if (file === undefined) return [];
  checkWriters(file, path, [0, input.uid]);
  return [{ settings: parseToml(file.text, path, userSettingsSchema), origin: () => `file:${path}` }];
}

type PlainConfig = Omit<Config, 'approvedPath' | 'sitePolicy' | 'profiles' | 'origins' | 'warnings'>;

function settle(layers: readonly Layer[], draft: PolicyDraft, input: ConfigInput, warnings: string[]): PlainConfig {
  const choose = <K extends keyof UserSettings, F>(key: K, name: string, fallback: F) => {
    const layer = layers.findLast(({ settings }) => settings[key] !== undefined);
    draft.origins.set(name, layer?.origin(key) ?? 'default');
    return layer?.settings[key] ?? fallback;
  };
  const at = (path: string) => expandHome(path, input.homeDir);
  const stateHome = folderFrom('XDG_STATE_HOME', `${input.homeDir}/.local/state`, input, warnings);
  const runtimeHome = folderFrom('XDG_RUNTIME_DIR', `/run/user/${input.uid}`, input, warnings);
  const stateDir = at(choose('state_dir', 'stateDir', `${stateHome}/paddock`));
  const hostFolders = choose('host_folders', 'hostFolders', []).map(at);
  const foreign = hostFolders.find((folder) => !isCovered(folder, draft.policy.hostFolders));
  if (foreign !== undefined) {
    const allowed = draft.policy.hostFolders.join(', ');
    const origin = draft.origins.get('hostFolders') ?? '';
    throw new ConfigError('BAD_CONFIG', `${origin}: host_folders: ${foreign} is not within the policy's [${allowed}]`, {
      hint: `Put it into the policy's list as well: \`host_folders\` below \`[policy]\` of config.toml, or in /etc/paddock/policy.toml where there is one; docs/host-image.md has an example.`,
      info: { key: 'host_folders', asked: foreign, allowed, origin },
    });
  }
  const keyFile = choose('key_file', 'keyFile', undefined);
  return {
    engine: choose('engine', 'engine', undefined),
    hostFolders,
    keyFile: keyFile === undefined ? undefined : at(keyFile),
    auditLogPath: at(choose('audit_log', 'auditLogPath', `${stateDir}/audit.jsonl`)),
    audit: settleAudit(layers, draft.origins, at),
    encryption: settleEncryption(layers, draft.origins, at),
    stateDir,
    runtimeDir: at(choose('runtime_dir', 'runtimeDir', `${runtimeHome}/paddock`)),
    logLevel: choose('log_level', 'logLevel', 'info'),
    commandPath: choose('channel', 'commandPath', 'fifo'),
    copyOnWrite: choose('cow', 'copyOnWrite', 'auto'),
    clientName: choose('client_name', 'clientName', undefined),
    alerts: alertSettings(choose('alerts', 'alerts', undefined), at),
    metrics: metricsSettings(choose('metrics', 'metrics', undefined), at),
    tracing: tracingSettings(choose('tracing', 'tracing', undefined), input.env),
    oauth: oauthSettings(choose('http', 'oauth', undefined)?.oauth, at),
  };
}

/** A folder from an XDG variable; a relative one is not valid by that specification and is passed over, with a warning. */
function folderFrom(name: string, fallback: string, { env }: ConfigInput, warnings: string[]): string {
  const value = env[name] ?? '';
  if (value.startsWith('/')) return value.replace(/\/+$/, '');
  if (value !== '') warnings.push(`${name} is not an absolute path and was not used`);
  return fallback;
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const item of Object.values(value)) deepFreeze(item);
  return Object.freeze(value);
}
