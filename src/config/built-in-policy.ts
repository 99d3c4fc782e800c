import type { AlarmThresholds } from '../core/alarm-thresholds.js';
import { standardProfile } from '../core/profile.js';
import { providerIds } from '../core/providers.js';
import type { AdmissionRules, Ceilings, Defaults, SitePolicy } from '../core/site-policy.js';

const mib = 1024 ** 2;
const gib = 1024 ** 3;
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** Where people keep the tools the host image may show; all programs, no settings, no keys. */
const toolFolders = [
  '~/.nvm',
  '~/.fnm',
  '~/.volta',
  '~/.asdf',
  '~/.bun',
  '~/.deno',
  '~/.pyenv',
  '~/.rbenv',
  '~/.sdkman/candidates',
  '~/.rustup/toolchains',
  '~/.cargo/bin',
  '~/go/bin',
  '~/.local/bin',
  '~/.local/lib',
  '~/.local/share/fnm',
  '~/.local/share/mise',
  '~/.local/share/pnpm',
  '~/.local/share/uv',
  '/opt',
  '/nix/store',
];

const ceilings: Ceilings = {
  memoryBytes: 64 * gib,
  cpuMillis: 256_000,
  cpuShares: 2048,
  pids: 8192,
  nofile: 524_288,
  fsizeBytes: Number.MAX_SAFE_INTEGER,
  shmBytes: 2 * gib,
  tmpfsBytes: 16 * gib,
  diskBytes: 1024 * gib,
  diskInodes: 20_000_000,
  lifetimeMs: 24 * hourMs,
  idleTimeoutMs: 24 * hourMs,
  timeoutMs: 8 * hourMs,
  keepChangesMs: 90 * 24 * hourMs,
  egressConnections: 256,
  egressBytes: 20 * gib,
  egressBytesPerSecond: 1024 * mib,
};

const defaults: Defaults = {
  memoryBytes: 2 * gib,
  cpuMillis: 2000,
  pids: 512,
  nofile: 4096,
  shmBytes: 64 * mib,
  tmpBytes: 512 * mib,
  homeBytes: 512 * mib,
  diskBytes: 10 * gib,
  diskInodes: 2_000_000,
  lifetimeMs: 8 * hourMs,
  idleTimeoutMs: 30 * minuteMs,
  timeoutMs: 10 * minuteMs,
  keepChangesMs: 7 * 24 * hourMs,
  workspace: 'cow',
  seccomp: 'default',
  network: 'none',
  profile: standardProfile.name,
};

/** Generous: most sessions use a small part of what they may, and what they really use has limits of its own. */
const admission: AdmissionRules = {
  userSessions: 64,
  memoryPercent: 400,
  cpuPercent: 3200,
  freeMemoryBytes: 128 * mib,
  waitMs: 5000,
  waiting: 16,
  keptBytes: 50 * gib,
};

const alarms: AlarmThresholds = {
  throttledPercent: 80,
  throttledForMs: minuteMs,
  pidsPercent: 90,
  memoryPressurePercent: 20,
  memoryPercent: 95,
  memoryForMs: minuteMs / 2,
  hostPressurePercent: 60,
  hostPressureForMs: 2 * minuteMs,
  denials: 20,
  denialsWithinMs: minuteMs,
  unknownSessions: 10,
};

/**
 * The site's policy where no policy file says otherwise. What is hardened in every sandbox is not in here at all, so
 * no file can lower it; the controls in `require` are added to whatever a file asks for.
 */
export function builtInPolicy(homeDir: string): SitePolicy {
  return {
    ceilings,
    defaults,
    // An account without a home has no projects of its own to show.
    allowedRoots: homeDir === '/' ? [] : [homeDir],
    readWriteAllowed: true,
    images: [],
    imageRules: { pinned: false, scan: 'off', maxSeverity: 'high', maxScanAgeMs: 7 * 24 * hourMs, unscanned: [] },
    pullAllowed: false,
    hostFolders: toolFolders.map((folder) => folder.replace(/^~(?=\/)/, homeDir)),
    require: ['capabilities', 'no-new-privileges', 'seccomp', 'read-only-root', 'network'],
    seccomp: [],
    networks: ['internal', 'allowlist'],
    egress: { allow: [], ask: [], approved: [] },
    broker: { providers: [...providerIds], environment: true, serverTools: [], git: {}, routes: {}, bytes: 20 * gib },
    profiles: ['*'],
    maxSessions: 8,
    admission,
    rootfulAllowed: false,
    tcpAllowed: false,
    initReportAccepted: false,
    versionFloorRequired: false,
    canaryRequired: false,
    alarms,
    withhold: [],
  };
}
