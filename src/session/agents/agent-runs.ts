import { SessionError } from '../../core/errors.js';
import type { AgentRun } from './types.js';

const mostKept = 16;

/** The agents of one session, by the ids of their commands: one works at a time, the newest of those that are done are kept. */
export class AgentRuns {
  readonly #runs = new Map<string, AgentRun>();
  #isStarting = false;

  /** Undefined: that command is no agent. */
  find(commandId: string): AgentRun | undefined {
    return this.#runs.get(commandId);
  }

  /** Errors: LIMIT_REACHED (one works already: both would write the same configuration, and nobody could tell what each used), those of `start`. */
  async begin(start: () => Promise<AgentRun>): Promise<AgentRun> {
    const runs = [...this.#runs.values()];
    if (this.#isStarting || runs.some(({ outcome }) => outcome === undefined)) {
      throw new SessionError('LIMIT_REACHED', 'an agent works in this session already', {
        hint: 'Wait for it with get_command, stop it with stop_command, or give the other one a session of its own.',
      });
    }
    this.#isStarting = true;
    try {
      const run = await start();
      this.#runs.set(run.entry.id, run);
      for (const old of runs.slice(0, Math.max(0, runs.length + 1 - mostKept))) this.#runs.delete(old.entry.id);
      return run;
    } finally {
      this.#isStarting = false;
    }
  }
}
