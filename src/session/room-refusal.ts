import { SessionError } from '../core/errors.js';
import type { AdmissionRules } from '../core/site-policy.js';
import { formatBytes, formatDuration } from '../core/units.js';
import type { HostRoom } from './host-room.js';
import type { Promised } from './promised.js';

/** It has waited for room in vain already. */
const askAgainMs = 10_000;

/** What is asked for, and what of it is more than before: only that is judged. */
export interface Asked {
  readonly promised: Promised;
  readonly isNew: boolean;
  readonly isMoreMemory: boolean;
  readonly isMoreCpu: boolean;
}

/** What a judge knows of who asks and of the rest. */
export interface Situation {
  readonly rules: AdmissionRules;
  readonly maxSessions: number;
  readonly cpuCount: number;
  readonly asked: Asked;
  /** Other sessions of this process. */
  readonly here: number;
  /** All sessions of the user, with this one as it is to be. */
  readonly all: readonly Promised[];
  readonly room: HostRoom;
}

/** LIMIT_REACHED with the rule and the numbers; undefined: there is room. */
export function refusalOf(now: Situation): SessionError | undefined {
  const { isNew, isMoreMemory, isMoreCpu } = now.asked;
  return (
    (isNew ? tooMany(now) : undefined) ??
    (isMoreMemory ? tooMuchMemory(now) : undefined) ??
    (isMoreCpu ? tooMuchCpu(now) : undefined)
  );
}

function tooMany({ rules: { userSessions }, maxSessions, here, all }: Situation): SessionError | undefined {
  if (here >= maxSessions) {
    return refused('sessions.limit', `${maxSessions} sessions are open already, which is the limit`, { maxSessions });
  }
  if (all.length <= userSessions) return undefined;
  const elsewhere = all.length - 1 - here;
  const message = `${userSessions} sessions of this user are open already, which is the limit; ${elsewhere} of them in other processes`;
  return refused('admission.sessions', message, { userSessions, here });
}

function tooMuchMemory({ rules, all, room }: Situation): SessionError | undefined {
  const { memoryPercent, freeMemoryBytes } = rules;
  const { memoryBytes: hostBytes, availableBytes } = room;
  const memoryBytes = sum(all, 'memoryBytes');
  const mostBytes = Math.floor((hostBytes / 100) * memoryPercent);
  if (memoryBytes > mostBytes) {
    const message =
      `${counted(all)} could use ${formatBytes(memoryBytes)} of memory, ` +
      `and ${formatBytes(mostBytes)} is the limit (${memoryPercent} % of ${formatBytes(hostBytes)})`;
    return refused('admission.memory', message, { memoryBytes, mostBytes });
  }
  if (availableBytes === undefined || availableBytes >= freeMemoryBytes) return undefined;
  const message = `the host has ${formatBytes(availableBytes)} of memory available, and ${formatBytes(freeMemoryBytes)} has to be`;
  return refused('admission.free-memory', message, { availableBytes, freeMemoryBytes });
}

function tooMuchCpu({ rules, cpuCount, all }: Situation): SessionError | undefined {
  const { cpuPercent } = rules;
  const cpuMillis = sum(all, 'cpuMillis');
  const mostMillis = Math.floor(cpuCount * 10 * cpuPercent);
  if (cpuMillis <= mostMillis) return undefined;
  const message =
    `${counted(all)} could use ${cpuMillis / 1000} CPUs, ` +
    `and ${mostMillis / 1000} is the limit (${cpuPercent} % of ${cpuCount})`;
  return refused('admission.cpu', message, { cpuMillis, mostMillis });
}

function counted(all: readonly Promised[]): string {
  return all.length === 1 ? 'this session' : `with this one, ${all.length} sessions`;
}

function sum(all: readonly Promised[], what: 'memoryBytes' | 'cpuMillis'): number {
  return all.reduce((total, one) => total + one[what], 0);
}

function refused(ruleId: string, message: string, numbers: Readonly<Record<string, number>>): SessionError {
  return new SessionError('LIMIT_REACHED', message, {
    info: { ruleId, ...numbers },
    hint: 'End sessions that are no longer needed (`paddock ps` lists those of all processes), or ask for less, then call again.',
  });
}

/**
 * The same for the holder of a key. Neither number nor rule: both tell what sessions of other keys there are, and what they have. Whoever runs the server
 * finds them in its log (`cause`).
 */
export function refusedForKey(cause: Error): SessionError {
  return new SessionError('LIMIT_REACHED', 'the server has no room for it now', {
    info: { ruleId: 'admission.room', retryAfterMs: askAgainMs },
    hint: `End sessions of yours that are no longer needed, ask for less, or call again in ${formatDuration(askAgainMs)}; if it stays so, tell whoever runs this server.`,
    cause,
  });
}
