import type { Defaults } from '../core/site-policy.js';
import type { SandboxSpec } from '../core/spec.js';
import { formatBytes, formatDuration } from '../core/units.js';
import type { ChosenProfile } from './profile.js';
import { sandboxHome } from './surroundings.js';

/** Where each value ends up in a plan. */
export const places: Readonly<Record<keyof Defaults, (spec: SandboxSpec) => string | number | undefined>> = {
  memoryBytes: ({ limits }) => limits.memoryBytes,
  cpuMillis: ({ limits }) => limits.cpuMillis,
  pids: ({ limits }) => limits.pids,
  nofile: ({ limits }) => limits.nofile,
  shmBytes: ({ shmBytes }) => shmBytes,
  tmpBytes: (spec) => tmpfsBytes(spec, '/tmp'),
  homeBytes: (spec) => tmpfsBytes(spec, sandboxHome),
  diskBytes: ({ limits }) => limits.diskBytes,
  diskInodes: ({ limits }) => limits.diskInodes,
  lifetimeMs: ({ lifetimeMs }) => lifetimeMs,
  idleTimeoutMs: ({ idleTimeoutMs }) => idleTimeoutMs,
  timeoutMs: ({ timeoutMs }) => timeoutMs,
  keepChangesMs: ({ keepChangesMs }) => keepChangesMs,
  workspace: ({ workspace }) => workspace,
  seccomp: ({ seccomp }) => seccomp,
  network: ({ network }) => network,
  profile: ({ profile }) => profile,
};

function tmpfsBytes({ tmpfs }: SandboxSpec, target: string): number | undefined {
  return tmpfs.find((one) => one.target === target)?.sizeBytes;
}

/** What a caller knows by name; sizes of scratch folders shrink with the memory and are not worth a word. */
const noted: Readonly<Partial<Record<keyof Defaults, string>>> = {
  memoryBytes: 'memory',
  cpuMillis: 'cpus',
  pids: 'pids',
  nofile: 'nofile',
  diskBytes: 'disk',
  lifetimeMs: 'lifetime',
  idleTimeoutMs: 'idleTimeout',
  timeoutMs: 'timeout',
  keepChangesMs: 'keepChanges',
};

/** What of a profile was lowered by the policy or by the host, in sentences: what a caller asks for by its name is not cut unsaid. */
export function loweredNotes(
  { profile, own, sitePolicy }: ChosenProfile,
  spec: SandboxSpec,
  isAsked: (key: keyof Defaults) => boolean,
): readonly string[] {
  return [...own].flatMap((key) => {
    const name = noted[key];
    const [wanted, value] = [sitePolicy.defaults[key], places[key](spec)];
    if (name === undefined || isAsked(key) || typeof value !== 'number' || value === wanted) return [];
    return [
      `${name} is ${say(key, value)}, not the ${say(key, Number(wanted))} of the profile ${profile.name}: no more is to be had`,
    ];
  });
}

function say(key: keyof Defaults, value: number): string {
  if (key.endsWith('Bytes')) return formatBytes(value);
  if (key.endsWith('Ms')) return formatDuration(value);
  return String(key === 'cpuMillis' ? value / 1000 : value);
}
