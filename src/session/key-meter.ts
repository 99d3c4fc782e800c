import type { Session } from './session.js';
import type { SessionCommand } from './session-command.js';

/** What of a session is read. */
type Metered = Pick<Session, 'id' | 'commands' | 'egress' | 'broker'>;

interface Seen {
  cpuMs: number;
  endedMs: number;
  egressBytes: number;
}

/** How often one that has ended is looked at once more: what it did last may not be counted at the first look. */
const lastLooks = 2;

/**
 * Adds up what the sessions of one key use from one look to the next, those that have ended since with it. Processor time is the larger of what the kernel counts for the sandbox and of what its ended
 * commands took: where it has no cgroup of its own, only processes that live are counted, and short ones would come for nothing.
 */
export class KeyMeter {
  readonly #cpuUsOf: (id: string) => number | undefined;
  readonly #seen = new WeakMap<Metered, Seen>();
  readonly #counted = new WeakSet<SessionCommand>();
  /** By how many more looks there will be once it is gone. */
  readonly #known = new Map<Metered, number>();
  #cpuMs = 0;
  #egressBytes = 0;

  /** `cpuUsOf`: what is known of a session's processor time since its beginning. */
  constructor(cpuUsOf: (id: string) => number | undefined) {
    this.#cpuUsOf = cpuUsOf;
  }

  /** Looks at those that there are. Where that is done with each call, none can be made, worked with and destroyed between two readings for nothing. */
  note(sessions: readonly Metered[]): void {
    for (const session of sessions) this.#known.set(session, lastLooks);
    for (const session of this.#known.keys()) {
      const { cpuMs, egressBytes } = this.#read(session);
      this.#cpuMs += cpuMs;
      this.#egressBytes += egressBytes;
    }
  }

  /** What they have used since this was asked before. */
  read(sessions: readonly Metered[]): { readonly cpuMs: number; readonly egressBytes: number } {
    this.note(sessions);
    const live = new Set(sessions);
    for (const [session, looks] of this.#known) {
      if (live.has(session)) continue;
      if (looks > 1) this.#known.set(session, looks - 1);
      else this.#known.delete(session);
    }
    const used = { cpuMs: this.#cpuMs, egressBytes: this.#egressBytes };
    this.#cpuMs = 0;
    this.#egressBytes = 0;
    return used;
  }

  #read(session: Metered): { readonly cpuMs: number; readonly egressBytes: number } {
    const seen = this.#seen.get(session) ?? { cpuMs: 0, endedMs: 0, egressBytes: 0 };
    // First, since it can fail: then nothing is marked as counted that was not.
    const kernelMs = Math.floor((this.#cpuUsOf(session.id) ?? 0) / 1000);
    const endedMs = seen.endedMs + this.#newlyEndedMs(session.commands);
    // It never falls: a process that ends takes its count with it.
    const cpuMs = Math.max(seen.cpuMs, kernelMs, Math.floor(endedMs));
    const { bytesIn = 0, bytesOut = 0 } = session.egress?.usage ?? {};
    const brokered = session.broker?.usage().lines.reduce((sum, { bytes }) => sum + bytes, 0) ?? 0;
    const egressBytes = Math.max(seen.egressBytes, bytesIn + bytesOut + brokered);
    this.#seen.set(session, { cpuMs, endedMs, egressBytes });
    return { cpuMs: cpuMs - seen.cpuMs, egressBytes: egressBytes - seen.egressBytes };
  }

  #newlyEndedMs(commands: readonly SessionCommand[]): number {
    let sum = 0;
    for (const command of commands) {
      const { outcome } = command;
      if (outcome === undefined || this.#counted.has(command)) continue;
      this.#counted.add(command);
      if ('result' in outcome) sum += (outcome.result.usage.userCpuMs ?? 0) + (outcome.result.usage.systemCpuMs ?? 0);
    }
    return sum;
  }
}
