import { ConfigError } from '../core/errors.js';
import { type UserSettings, userSettingsSchema } from './schema.js';
import { checkSettings } from './toml.js';

/** One source of the user's settings; later layers win. */
export interface Layer {
  readonly settings: UserSettings;
  /** The origin of one of its settings, by dotted key: `file:PATH`, `env:NAME`, `flag:--name`. */
  readonly origin: (key: string) => string;
}

interface Setting {
  readonly key: string;
  readonly env: string;
  readonly flag: string;
  /** Whether the text is a list with colons between, as in PATH. */
  readonly list?: boolean;
}

/** Settings that can also come from the environment or from a flag; texts there are what TOML has as values. */
export const settings: readonly Setting[] = [
  { key: 'engine', env: 'PADDOCK_ENGINE', flag: 'engine' },
  { key: 'host_folders', env: 'PADDOCK_HOST_FOLDERS', flag: 'host-folders', list: true },
  { key: 'key_file', env: 'PADDOCK_KEY_FILE', flag: 'key-file' },
  // The guide's name, which people have in their clients' settings.
  { key: 'audit_log', env: 'MCP_AUDIT_LOG', flag: 'audit-log' },
  { key: 'state_dir', env: 'PADDOCK_STATE_DIR', flag: 'state-dir' },
  { key: 'runtime_dir', env: 'PADDOCK_RUNTIME_DIR', flag: 'runtime-dir' },
  { key: 'log_level', env: 'PADDOCK_LOG_LEVEL', flag: 'log-level' },
  { key: 'channel', env: 'PADDOCK_CHANNEL', flag: 'channel' },
  { key: 'cow', env: 'PADDOCK_COW', flag: 'cow' },
  { key: 'client_name', env: 'PADDOCK_CLIENT_NAME', flag: 'client-name' },
  { key: 'max_sessions', env: 'PADDOCK_MAX_SESSIONS', flag: 'max-sessions' },
  ...[
    ...['memory', 'cpus', 'pids', 'nofile', 'shm', 'tmp', 'home', 'disk', 'disk_inodes'],
    ...['lifetime', 'idle', 'timeout', 'keep_changes', 'workspace', 'seccomp', 'network', 'profile'],
  ].map((name) => ({
    key: `defaults.${name}`,
    env: `PADDOCK_${name.toUpperCase()}`,
    flag: name.replaceAll('_', '-'),
  })),
];

/** Variables of ours that are no settings: they steer tests and builds. */
const otherVariables = /^PADDOCK_(?:(?:TEST|VITE|BENCH)_|USER$|RUN_FOLDER$)/;

/** Settings from `PADDOCK_*` and `MCP_AUDIT_LOG`; empty variables count as unset. */
export function envLayer(env: Readonly<Record<string, string | undefined>>): Layer {
  const given = settings.filter(({ env: name }) => (env[name] ?? '') !== '');
  return textLayer(
    given,
    ({ env: name }) => env[name] ?? '',
    ({ env: name }) => `env:${name}`,
  );
}

/** A warning for each `PADDOCK_*` variable that is no setting: most are misspelt ones. */
export function unknownVariables(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  return Object.keys(env)
    .filter((name) => name.startsWith('PADDOCK_') && !otherVariables.test(name))
    .filter((name) => !settings.some((setting) => setting.env === name))
    .map((name) => `the environment variable ${name} is not a setting and was not used`);
}

/** Settings from flags by name without dashes; an unknown one is `BAD_CONFIG`. */
export function flagLayer(flags: Readonly<Record<string, string | undefined>>): Layer {
  for (const name of Object.keys(flags)) {
    if (!settings.some(({ flag }) => flag === name)) {
      throw new ConfigError('BAD_CONFIG', `--${name} is not a setting`, { info: { key: name } });
    }
  }
  const given = settings.filter(({ flag }) => flags[flag] !== undefined);
  return textLayer(
    given,
    ({ flag }) => flags[flag] ?? '',
    ({ flag }) => `flag:--${flag}`,
  );
}

function textLayer(given: readonly Setting[], read: (s: Setting) => string, origin: (s: Setting) => string): Layer {
  const raw: Record<string, unknown> = {};
  const nested: Record<string, unknown> = {};
  for (const setting of given) {
    const text = read(setting);
    const value = setting.list === true ? text.split(':').filter((part) => part !== '') : text;
    const [name, inner] = setting.key.split('.') as [string, string | undefined];
    if (inner === undefined) raw[name] = value;
    else nested[inner] = value;
  }
  const originOf = (key: string) => {
    const setting = settings.find((candidate) => key === candidate.key || key.startsWith(`${candidate.key}.`));
    return setting === undefined ? key : origin(setting);
  };
  const parsed = checkSettings({ ...raw, defaults: nested }, userSettingsSchema, (path) => ({
    where: originOf(path.join('.')),
    info: {},
  }));
  return { settings: parsed, origin: originOf };
}
