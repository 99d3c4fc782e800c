import { z } from 'zod';
import { requirements } from '../core/evidence.js';
import { commandPaths } from '../core/exec.js';
import { scanModes, severityCeilings } from '../core/image-scan.js';
import { copyOnWriteWays, networkModes, seccompVariants, workspaceModes } from '../core/spec.js';
import { alerts } from './alerts.js';
import { broker } from './broker-schema.js';
import { metrics } from './metrics.js';
import { oauth } from './oauth.js';
import { amount, bytes, line, millis, ms, path, whole } from './quantities.js';
import { reach } from './reach.js';
import { tracing } from './tracing.js';

const logLevels = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;

const paths = z.array(path).max(128);
const pattern = line.refine((text) => /^[^*\s]*\*?$/.test(text), 'may have one * at its end only');

const ceilings = z.strictObject({
  memory: bytes.optional(),
  cpus: millis.optional(),
  cpu_shares: whole.optional(),
  pids: whole.optional(),
  nofile: whole.optional(),
  fsize: bytes.optional(),
  shm: bytes.optional(),
  tmpfs: bytes.optional(),
  disk: bytes.optional(),
  disk_inodes: whole.optional(),
  lifetime: ms.optional(),
  idle: ms.optional(),
  timeout: ms.optional(),
  keep_changes: ms.optional(),
  egress_connections: whole.optional(),
  egress_bytes: bytes.optional(),
  egress_rate: bytes.optional(),
});

const profileName = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'is not a name of small letters, digits and -');

/** What is used where a request says nothing: in the site's and the user's file, and in profiles. */
const defaults = z.strictObject({
  memory: bytes.optional(),
  cpus: millis.optional(),
  pids: whole.optional(),
  nofile: whole.optional(),
  shm: bytes.optional(),
  tmp: bytes.optional(),
  home: bytes.optional(),
  disk: bytes.optional(),
  disk_inodes: whole.optional(),
  lifetime: ms.optional(),
  idle: ms.optional(),
  timeout: ms.optional(),
  keep_changes: ms.optional(),
  workspace: z.enum(workspaceModes).optional(),
  seccomp: z.enum(seccompVariants).optional(),
  network: z.enum(networkModes).optional(),
  profile: profileName.optional(),
});

const percent = amount('a percentage up to 100', (value) => {
  const match = /^(\d{1,3}) ?%?$/.exec(String(value));
  return match !== null && Number(match[1]) <= 100 ? Number(match[1]) : undefined;
});

/** When something counts as alarming (docs/monitoring.md). */
const alarms = z.strictObject({
  throttled: percent.optional(),
  throttled_for: ms.optional(),
  pids: percent.optional(),
  memory_pressure: percent.optional(),
  memory: percent.optional(),
  memory_for: ms.optional(),
  host_pressure: percent.optional(),
  host_pressure_for: ms.optional(),
  denials: whole.optional(),
  denials_within: ms.optional(),
  unknown_sessions: whole.optional(),
});

const share = amount('a percentage such as 400', (value) => {
  const match = /^(\d{1,6}) ?%?$/.exec(String(value));
  return match === null ? undefined : Number(match[1]);
});

/** When there is room for one more session (docs/policy.md). */
const admission = z.strictObject({
  user_sessions: whole.optional(),
  memory: share.optional(),
  cpus: share.optional(),
  free_memory: bytes.optional(),
  wait: ms.optional(),
  waiting: whole.optional(),
  kept_changes: bytes.optional(),
});

/** Names of files and folders in a project, with `*` for any part of a name: `deploy`, `ops/*.sh`. */
const place = line
  .pipe(z.string().max(256))
  .refine((text) => !text.startsWith('/') && text.split('/').every((name) => !['', '.', '..', '**'].includes(name)), {
    error: 'is no name, nor names with / between them',
  })
  .transform((text) => text.normalize('NFKC').toLowerCase());

const egress = z.strictObject({
  allow: z
    .array(reach({ openAllowed: true }))
    .max(256)
    .optional(),
  ask: z
    .array(reach({ openAllowed: true }))
    .max(64)
    .optional(),
});

/** Which images may run, as a list; or that and what is asked of them (docs/scanning.md). */
const images = z.preprocess(
  (given) => (Array.isArray(given) ? { allow: given } : given),
  z.strictObject({
    allow: z.array(pattern).max(1024).optional(),
    pinned: z.boolean().optional(),
    scan: z.enum(scanModes).optional(),
    max_severity: z.enum(severityCeilings).optional(),
    max_age: ms.optional(),
    unscanned: z.array(pattern).max(1024).optional(),
  }),
);

const siteRules = {
  broker: broker.optional(),
  egress: egress.optional(),
  apply: z.strictObject({ withhold: z.array(place).max(256).optional() }).optional(),
  ceilings: ceilings.optional(),
  admission: admission.optional(),
  alarms: alarms.optional(),
  allowed_roots: paths.optional(),
  read_write: z.boolean().optional(),
  images: images.optional(),
  pull: z.boolean().optional(),
  host_folders: paths.optional(),
  require: z.array(z.enum(requirements)).max(64).optional(),
  seccomp: z.array(z.enum(seccompVariants)).max(8).optional(),
  networks: z.array(z.enum(networkModes)).max(8).optional(),
  profiles: z
    .array(pattern.pipe(z.string().max(33)))
    .min(1)
    .max(64)
    .optional(),
  max_sessions: whole.optional(),
  rootful: z.boolean().optional(),
  tcp: z.boolean().optional(),
  init_report: z.boolean().optional(),
  version_floor: z.boolean().optional(),
  canary_required: z.boolean().optional(),
};

/** `/etc/paddock/policy.toml`. */
export const policyFileSchema = z.strictObject({ ...siteRules, defaults: defaults.optional() });

/** A profile: `profiles/presets/NAME.toml`, and in the folders `profiles` beside the two other files. */
export const profileFileSchema = z.strictObject({
  description: line.pipe(z.string().max(200)),
  only_tightens: z.boolean().optional(),
  require: siteRules.require,
  defaults: defaults.omit({ profile: true }).optional(),
});

/** How the audit log is kept (docs/audit.md). */
const audit = z.strictObject({
  rotate_size: bytes.refine((value) => value >= 65_536, 'is less than 64k').optional(),
  rotate_age: ms.optional(),
  keep_files: whole.refine((value) => value >= 2, 'is less than 2').optional(),
  keep_size: bytes.optional(),
  keep_age: ms.optional(),
  anchor: path.optional(),
  anchor_records: whole.optional(),
  anchor_within: ms.optional(),
  forward: z.union([z.literal('journald'), path]).optional(),
  forward_records: z.boolean().optional(),
  erasable: z.boolean().optional(),
});

/** How what is kept after sessions is encrypted (docs/encryption.md). */
const encryption = z.strictObject({
  kept: z.boolean().optional(),
  key_file: path.optional(),
  credential: z
    .string()
    .regex(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/, 'is no name of a credential')
    .optional(),
  keyring: line.pipe(z.string().min(1).max(128)).optional(),
});

/** `config.toml`, and in the same shape what comes from the environment and from flags. */
export const userSettingsSchema = z.strictObject({
  engine: line.optional(),
  host_folders: paths.optional(),
  key_file: path.optional(),
  audit_log: path.optional(),
  audit: audit.optional(),
  encryption: encryption.optional(),
  state_dir: path.optional(),
  runtime_dir: path.optional(),
  log_level: z.enum(logLevels).optional(),
  channel: z.enum(commandPaths).optional(),
  cow: z.enum(copyOnWriteWays).optional(),
  client_name: line.pipe(z.string().max(128)).optional(),
  defaults: defaults.optional(),
  max_sessions: whole.optional(),
  alerts: alerts.optional(),
  metrics: metrics.optional(),
  tracing: tracing.optional(),
  http: z.strictObject({ oauth: oauth.optional() }).optional(),
  policy: z.strictObject(siteRules).optional(),
});

export type PolicyFile = z.output<typeof policyFileSchema>;
export type ProfileFile = z.output<typeof profileFileSchema>;
export type UserSettings = z.output<typeof userSettingsSchema>;
export type LogLevel = (typeof logLevels)[number];
