import type { Config } from '../../config/load.js';
import { type KeyCeiling, usualQuota as usual, usualKeptBytes } from '../../core/api-key.js';
import { PaddockError } from '../../core/errors.js';
import { providerIds } from '../../core/providers.js';
import { formatBytes, parseBytes, parseDuration } from '../../core/units.js';
import { keyNamePattern } from '../../keys/key.js';
import type { Wish } from '../../keys/key-store.js';
import { readReach } from '../../policy/egress/reach.js';
import { toolGroups } from '../../tools/tool-groups.js';
import { type CliOptions, type CommandContext, isSet, text, texts } from '../command.js';
import { foreignTool, profileProblem, rootWithin } from '../rights-here.js';

const usualTools = ['read', 'sessions', 'exec'];

/** What a key may be given when it is made; whatever is left out it has not. */
export const wishOptions = {
  tools: {
    type: 'string',
    help: `what it may call: ${Object.keys(toolGroups).join(', ')}, or names of tools, with commas between (default: ${usualTools.join(',')})`,
  },
  root: { type: 'string', multiple: true, help: 'folder whose projects it may name (default: none); repeatable' },
  'read-write': { type: 'boolean', help: 'its sessions may write projects directly (workspace rw)' },
  profile: { type: 'string', help: 'the only profile it may use' },
  allow: {
    type: 'string',
    multiple: true,
    help: 'host or preset that its sessions may reach (default: none); repeatable',
  },
  provider: { type: 'string', multiple: true, help: 'whose models they may call (default: nobody’s); repeatable' },
  memory: { type: 'string', help: 'most memory of one session, such as 2g' },
  cpus: { type: 'string', help: 'most CPUs of one session' },
  pids: { type: 'string', help: 'most processes of one session' },
  disk: { type: 'string', help: 'most that one session may write' },
  lifetime: { type: 'string', help: 'longest that one session may live' },
  timeout: { type: 'string', help: 'longest that one command may take' },
  'keep-changes': { type: 'string', help: 'longest that what a session changed is kept' },
  kept: {
    type: 'string',
    help: `room for what its ended sessions changed, and as much for snapshots (default: ${formatBytes(usualKeptBytes)})`,
  },
  calls: { type: 'string', help: `calls a minute (default: ${usual.callsPerMinute})` },
  creates: { type: 'string', help: `sessions made an hour (default: ${usual.createsPerHour})` },
  sessions: { type: 'string', help: `sessions at once (default: ${usual.sessions})` },
  'cpu-time': { type: 'string', help: 'processor time of all its sessions a day, such as 4h' },
  'egress-bytes': { type: 'string', help: 'bytes of all its sessions to and from outside a day' },
  expires: { type: 'string', help: 'how long it is good, such as 30d (default: until it is revoked)' },
} as const satisfies CliOptions;

/** The flags of `keys create`. Errors: BAD_ARGUMENT. */
export async function wishOf(context: CommandContext, name: string, config: Config, nowMs: number): Promise<Wish> {
  if (!keyNamePattern.test(name)) {
    throw bad(`${JSON.stringify(name.slice(0, 64))} is no name of small letters, digits and -, at most 32`);
  }
  const expires = duration(context, 'expires');
  return {
    name,
    ...(expires === undefined ? {} : { expiresAtMs: nowMs + expires }),
    tools: toolsAsked(text(context, 'tools')),
    ceiling: await ceilingOf(context, config),
    quota: {
      callsPerMinute: whole(context, 'calls') ?? usual.callsPerMinute,
      createsPerHour: whole(context, 'creates') ?? usual.createsPerHour,
      sessions: whole(context, 'sessions') ?? usual.sessions,
      cpuMsPerDay: duration(context, 'cpu-time'),
      egressBytesPerDay: bytes(context, 'egress-bytes'),
    },
  };
}

async function ceilingOf(context: CommandContext, config: Config): Promise<KeyCeiling> {
  const profile = text(context, 'profile');
  const problem = profileProblem(profile, config);
  if (problem !== undefined) throw bad(problem);
  return {
    roots: await Promise.all(texts(context, 'root').map((path) => rootOf(path, config.sitePolicy.allowedRoots))),
    readWriteAllowed: isSet(context, 'read-write'),
    profile,
    allow: texts(context, 'allow').map(reachOf),
    providers: texts(context, 'provider').map(providerOf),
    keptBytes: bytes(context, 'kept'),
    ceilings: {
      memoryBytes: bytes(context, 'memory'),
      cpuMillis: number(context, 'cpus', 'a number of CPUs', (value) => Math.round(Number(value) * 1000)),
      pids: whole(context, 'pids'),
      diskBytes: bytes(context, 'disk'),
      lifetimeMs: duration(context, 'lifetime'),
      timeoutMs: duration(context, 'timeout'),
      keepChangesMs: duration(context, 'keep-changes'),
    },
  };
}

function toolsAsked(given: string | undefined): readonly string[] {
  if (given === undefined) return usualTools;
  const names = given.split(',').map((name) => name.trim());
  const foreign = foreignTool(names);
  if (foreign !== undefined) {
    throw bad(`--tools: there is no ${JSON.stringify(foreign.name)}; there are ${foreign.known}`);
  }
  return names;
}

async function rootOf(path: string, allowed: readonly string[]): Promise<string> {
  const found = await rootWithin(path, allowed);
  if ('root' in found) return found.root;
  throw bad(`--root: ${found.problem}`);
}

function reachOf(given: string): string {
  const reading = readReach(given, { openAllowed: false });
  if ('text' in reading) return reading.text;
  throw bad(`--allow: ${reading.problem}`);
}

function providerOf(given: string): KeyCeiling['providers'][number] {
  const found = providerIds.find((one) => one === given);
  if (found !== undefined) return found;
  throw bad(`--provider: there is no ${given}; there are ${providerIds.join(', ')}`);
}

export const bytes = (context: CommandContext, name: string) => number(context, name, 'a size such as 2g', parseBytes);

export const duration = (context: CommandContext, name: string) =>
  number(context, name, 'a duration such as 10m', parseDuration);

export const whole = (context: CommandContext, name: string) =>
  number(context, name, 'a whole number above zero', Number);

/** A number above zero; undefined: it was not given. */
function number(
  context: CommandContext,
  name: string,
  what: string,
  parse: (value: string) => number | undefined,
): number | undefined {
  const given = text(context, name);
  if (given === undefined) return undefined;
  const value = parse(given);
  if (value !== undefined && Number.isSafeInteger(value) && value > 0) return value;
  throw bad(`--${name}: ${JSON.stringify(given.slice(0, 64))} is not ${what}`);
}

function bad(message: string): PaddockError {
  return new PaddockError('BAD_ARGUMENT', message);
}
