import { SessionError } from '../core/errors.js';
import type { Limits } from '../core/limits.js';
import type { AdmissionRules } from '../core/site-policy.js';
import { formatBytes } from '../core/units.js';
import type { Clock } from '../kit/clock.js';
import type { HostRoom } from './host-room.js';

/** What a session may use at most. */
export type Promised = Pick<Limits, 'memoryBytes' | 'cpuMillis'>;

export interface AdmissionParts {
  readonly rules: AdmissionRules;
  /** Sessions of one process. */
  readonly maxSessions: number;
  readonly cpuCount: number;
  readonly clock: Clock;
  /** What the living sessions of this process were promised. */
  readonly own: () => readonly Promised[];
  /** The same for those of the user's other processes, as their records have it. */
  readonly others: () => Promise<readonly Promised[]>;
  readonly room: () => HostRoom;
}

const lookEveryMs = 200;

/**
 * Lets sessions in while there is room for them, first come first served; what finds none waits for a while. Two processes that make
 * a session within the same few milliseconds may both be let in.
 */
export class Admission {
  readonly #parts: AdmissionParts;
  readonly #reserved = new Set<Promised>();
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: AdmissionParts) {
    this.#parts = parts;
  }

  /**
   * Reserves room until what is returned is called: by then the session counts by itself, or was not made. Errors: LIMIT_REACHED with
   * the rule and the numbers, AbortError.
   */
  async admit(asked: Promised, signal: AbortSignal): Promise<() => void> {
    const { clock, rules } = this.#parts;
    const until = clock.monotonic() + (this.#waiting < rules.waiting ? rules.waitMs : 0);
    this.#waiting += 1;
    const before = this.#last;
    const admitted = before.catch(() => undefined).then(() => this.#wait(asked, until, signal));
    this.#last = admitted;
    try {
      await admitted;
    } finally {
      this.#waiting -= 1;
    }
    return () => void this.#reserved.delete(asked);
  }

  async #wait(asked: Promised, untilMs: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    for (;;) {
      signal.throwIfAborted();
      const refusal = await this.#refusal(asked);
      if (refusal === undefined) {
        this.#reserved.add(asked);
        return;
      }
      if (clock.monotonic() >= untilMs) throw refusal;
      await clock.sleep(lookEveryMs, signal);
    }
  }

  async #refusal(asked: Promised): Promise<SessionError | undefined> {
    const { maxSessions, rules, cpuCount, room, own, others } = this.#parts;
    const foreign = await others();
    const here = [...own(), ...this.#reserved];
    return refusalOf({ rules, maxSessions, cpuCount, asked, here, foreign, room: room() });
  }
}

interface Situation {
  readonly rules: AdmissionRules;
  readonly maxSessions: number;
  readonly cpuCount: number;
  readonly asked: Promised;
  readonly here: readonly Promised[];
  readonly foreign: readonly Promised[];
  readonly room: HostRoom;
}

function refusalOf(now: Situation): SessionError | undefined {
  return tooMany(now) ?? tooMuchMemory(now) ?? tooMuchCpu(now);
}

function tooMany({ rules: { userSessions }, maxSessions, here, foreign }: Situation): SessionError | undefined {
  if (here.length >= maxSessions) {
    return refused('sessions.limit', `${maxSessions} sessions are open already, which is the limit`, { maxSessions });
  }
  if (here.length + foreign.length < userSessions) return undefined;
  const message = `${userSessions} sessions of this user are open already, which is the limit; ${foreign.length} of them in other processes`;
  return refused('admission.sessions', message, { userSessions, here: here.length });
}

function tooMuchMemory({ rules, asked, here, foreign, room }: Situation): SessionError | undefined {
  const { memoryPercent, freeMemoryBytes } = rules;
  const { memoryBytes: hostBytes, availableBytes } = room;
  const all = [...here, ...foreign, asked];
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

function tooMuchCpu({ rules: { cpuPercent }, cpuCount, asked, here, foreign }: Situation): SessionError | undefined {
  const all = [...here, ...foreign, asked];
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

function sum(all: readonly Promised[], what: keyof Promised): number {
  return all.reduce((total, one) => total + one[what], 0);
}

function refused(ruleId: string, message: string, numbers: Readonly<Record<string, number>>): SessionError {
  return new SessionError('LIMIT_REACHED', message, {
    info: { ruleId, ...numbers },
    hint: 'End sessions that are no longer needed (`paddock ps` lists those of all processes), or ask for less, then call again.',
  });
}
