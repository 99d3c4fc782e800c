import { SessionError } from '../core/errors.js';
import type { AdmissionRules } from '../core/site-policy.js';
import { formatBytes } from '../core/units.js';
import type { Clock } from '../kit/clock.js';
import type { HostRoom } from './host-room.js';
import { merged, type Promised } from './promised.js';

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

/** What is asked for, and what of it is more than before: only that is judged. */
interface Asked {
  readonly promised: Promised;
  readonly isNew: boolean;
  readonly isMoreMemory: boolean;
  readonly isMoreCpu: boolean;
}

/**
 * Lets sessions in, and grow, while there is room for them, first come first served; what finds none waits for a while. Two processes
 * that do so within the same few milliseconds may both be let in.
 */
export class Admission {
  readonly #parts: AdmissionParts;
  readonly #reserved = new Map<string, Promised>();
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: AdmissionParts) {
    this.#parts = parts;
  }

  /**
   * Reserves room for a new session until what is returned is called: by then the session counts by itself, or was not made. Errors:
   * LIMIT_REACHED with the rule and the numbers, AbortError.
   */
  admit(promised: Promised, signal: AbortSignal): Promise<() => void> {
    return this.#admit({ promised, isNew: true, isMoreMemory: true, isMoreCpu: true }, signal);
  }

  /**
   * The same for a session that runs and is to have `after` instead of `before`. What it has at present is not judged again, and less is
   * always admitted at once.
   */
  async grow(before: Promised, after: Promised, signal: AbortSignal): Promise<() => void> {
    const isMoreMemory = after.memoryBytes > before.memoryBytes;
    const isMoreCpu = after.cpuMillis > before.cpuMillis;
    if (!isMoreMemory && !isMoreCpu) return () => undefined;
    const [promised = after] = merged([before, after]);
    return this.#admit({ promised, isNew: false, isMoreMemory, isMoreCpu }, signal);
  }

  async #admit(asked: Asked, signal: AbortSignal): Promise<() => void> {
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
    return () => void this.#reserved.delete(asked.promised.id);
  }

  async #wait(asked: Asked, untilMs: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    for (;;) {
      signal.throwIfAborted();
      const refusal = await this.#refusal(asked);
      if (refusal === undefined) {
        this.#reserved.set(asked.promised.id, asked.promised);
        return;
      }
      if (clock.monotonic() >= untilMs) throw refusal;
      await clock.sleep(lookEveryMs, signal);
    }
  }

  async #refusal(asked: Asked): Promise<SessionError | undefined> {
    const { maxSessions, rules, cpuCount, room, own, others } = this.#parts;
    // Before the records are read: what is given back meanwhile may be in one that was read earlier, and would count nowhere.
    const reserved = [...this.#reserved.values()];
    const foreign = await others();
    const isOther = ({ id }: Promised) => id !== asked.promised.id;
    const here = merged([...own(), ...reserved]).filter(isOther);
    const all = [...merged([...here, ...foreign]).filter(isOther), asked.promised];
    return refusalOf({ rules, maxSessions, cpuCount, asked, here: here.length, all, room: room() });
  }
}

interface Situation {
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

function refusalOf(now: Situation): SessionError | undefined {
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
