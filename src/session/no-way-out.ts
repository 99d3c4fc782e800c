import type { ExecResult } from '../core/exec.js';
import { type TriesOut, triesOutOf } from '../kit/proc/tries-out.js';
import type { SandboxHandle } from '../sandbox/handle.js';
import { isInitAlive } from '../sandbox/init-identity.js';

/**
 * Says of a command that failed that something in its session looked for a way out where there is none. With network none nothing of ours
 * listens inside, so nothing refuses: that it was tried is known from what the kernel counts in the sandbox's network namespace.
 */
export class NoWayOut {
  readonly #read: () => TriesOut | undefined;
  #said: TriesOut = { unrouted: 0, unanswered: 0 };

  constructor(read: () => TriesOut | undefined) {
    this.#read = read;
  }

  static of(handle: SandboxHandle): NoWayOut | undefined {
    if (handle.spec.network !== 'none') return undefined;
    return new NoWayOut(() => {
      const counted = triesOutOf(handle.initPid);
      // Asked afterwards: until here the number has been its own.
      return isInitAlive(handle) ? counted : undefined;
    });
  }

  /**
   * A note for a result, of all that was tried since the last one; undefined for a success, which has not missed anything, unless it is of a
   * command that gets over the failures of others.
   */
  noteFor({ exitCode, reason }: Pick<ExecResult, 'exitCode' | 'reason'>, isForgiving = false): string | undefined {
    if ((exitCode === 0 && !isForgiving) || reason === 'session-ended') return undefined;
    const counted = this.#read();
    if (counted === undefined) return undefined;
    const [connections, lookups] = [counted.unrouted - this.#said.unrouted, counted.unanswered - this.#said.unanswered];
    if (connections <= 0 && lookups <= 0) return undefined;
    this.#said = counted;
    return (
      `The session has network none, and its programs have looked for a way out (addresses: ${connections}, names: ${lookups}). ` +
      'What a session may reach is said when it is made: `allow` of create_session, `--allow` of the command line; both take hosts, and presets such as npm.'
    );
  }
}
