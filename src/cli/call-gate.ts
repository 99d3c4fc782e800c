import { PaddockError } from '../core/errors.js';
import type { KeyLimits } from '../keys/key-limits.js';
import type { Clock } from '../kit/clock.js';
import type { KeyMeter } from '../session/key-meter.js';
import type { Session } from '../session/session.js';

/** What makes sandboxes, or this host on their behalf, use something. */
const startsWork: ReadonlySet<string> = new Set([
  'create_session',
  'fork_session',
  'execute_command',
  'execute_in_session',
  'write_file',
  'transfer_files',
  'snapshot_session',
  'compare_sessions',
  'check_host',
]);

/** Of a call that came too often, before it is answered: who calls again at once would keep the process busy that serves everybody. */
const pauseMs = 1000;

export interface CallGateParts {
  readonly limits: Pick<KeyLimits, 'call' | 'refuseWork' | 'refuseUnkept'>;
  readonly meter: Pick<KeyMeter, 'note'>;
  /** Those of the key that there are. */
  readonly live: () => readonly Session[];
  /** Lets work begin, or throws; what check_host begins excepted, which says why. */
  readonly admit: (() => Promise<void>) | undefined;
  readonly clock: Pick<Clock, 'sleep'>;
}

/** Lets a call of a key in, by its limits, until what is returned is called; its sessions are looked at before and after, for what they used. */
export async function letIn({ limits, meter, live, admit, clock }: CallGateParts, tool: string): Promise<() => void> {
  const leave = await taken(limits, clock);
  // One that this call destroys would be gone, and one that it makes could be destroyed by the next, before anybody reads the meter.
  const look = () => lookAt(meter, live());
  const release = () => {
    leave();
    look();
  };
  try {
    look();
    if (startsWork.has(tool)) {
      limits.refuseWork();
      limits.refuseUnkept();
    }
    if (startsWork.has(tool) && tool !== 'check_host') await admit?.();
    return release;
  } catch (error) {
    release();
    throw error;
  }
}

async function taken(limits: Pick<KeyLimits, 'call'>, clock: Pick<Clock, 'sleep'>): Promise<() => void> {
  try {
    return await limits.call();
  } catch (error) {
    // The door lets in only so many requests of a key at once, so only so many wait.
    if (error instanceof PaddockError && error.code === 'RATE_LIMITED') await clock.sleep(pauseMs);
    throw error;
  }
}

/** Of a server that is short of descriptors, say, the next look counts it: nothing else must fail by this, nor keep its place for good. */
export function lookAt(meter: Pick<KeyMeter, 'note'>, sessions: readonly Session[]): void {
  try {
    meter.note(sessions);
  } catch {
    // What is known of them stays.
  }
}
