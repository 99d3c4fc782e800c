import { type PaddockError, SessionError, toPaddockError } from '../../core/errors.js';
import { isTransferId, type TransferId } from '../../core/ids.js';
import type { Clock } from '../../kit/clock.js';
import { newTransferId } from '../../kit/random-id.js';
import type { SoFar } from '../../sandbox/files/tally.js';
import { waitFor } from '../session-command.js';
import type { TransferReport } from './report.js';
import type { TransferContext } from './session-transfers.js';

/** What is copied, as it was asked for. */
export type TransferWay = Pick<TransferReport, 'direction' | 'hostPath' | 'path'>;

/** A copy of files that goes on whoever waits for it: running, or over and kept for a while. */
export interface TransferJob extends TransferWay {
  readonly id: TransferId;
  readonly startedAtMs: number;
  readonly soFar: SoFar;
  /** Resolves, never rejects, once nothing of it goes on and the audit log says so. */
  readonly settled: Promise<void>;
  /** Set when `settled` resolves. */
  readonly outcome?:
    | { readonly report: TransferReport; readonly durationMs: number }
    | { readonly error: PaddockError; readonly durationMs: number };
}

/** Each holds two files open and a command of the session. */
const mostAtOnce = 4;
const mostKept = 16;
/** Of a job that is over: longer than anybody polls, and no longer than its list of what was left out may stay in memory. */
const keptMs = 3_600_000;

interface Entry {
  readonly job: { -readonly [Key in keyof TransferJob]: TransferJob[Key] };
  readonly stop: AbortController;
  endedAtMs: number | undefined;
}

/** The copies of one session. They end with it: disposing stops those that run, and waits until nothing of them is left half done. */
export class TransferJobs implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  #isOver = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Oldest first. */
  get list(): readonly TransferJob[] {
    this.#forget();
    return [...this.#entries.values()].map(({ job }) => job);
  }

  /** Begins a copy, which is told of its stop by the signal of its context. Errors: LIMIT_REACHED (so many go on already), SESSION_ENDED. */
  start(way: TransferWay, copy: (context: TransferContext) => Promise<TransferReport>): TransferJob {
    if (this.#isOver) throw new SessionError('SESSION_ENDED', 'the session has ended');
    this.#forget();
    if (this.list.filter(({ outcome }) => outcome === undefined).length >= mostAtOnce) {
      throw new SessionError('LIMIT_REACHED', `${mostAtOnce} copies of files go on in this session already`, {
        hint: 'Wait for one with get_command, or stop one with stop_command.',
      });
    }
    const stop = new AbortController();
    const startedAtMs = this.#clock.now();
    const job: Entry['job'] = {
      ...{ id: newTransferId(), startedAtMs, ...way, soFar: { entries: 0, bytes: 0 } },
      settled: Promise.resolve(),
    };
    const entry: Entry = { job, stop, endedAtMs: undefined };
    const onProgress = (soFar: SoFar) => {
      job.soFar = soFar;
    };
    job.settled = this.#settle(entry, copy({ signal: stop.signal, onProgress }));
    this.#entries.set(job.id, entry);
    return job;
  }

  /** Undefined: that is no handle of a copy. Errors: NO_SUCH_COMMAND, it is one that is not there (any more). */
  find(id: string): TransferJob | undefined {
    return isTransferId(id) ? this.#entry(id).job : undefined;
  }

  /** Waits until it is over, `waitMs` have passed or the signal fires; says whether it is over. */
  wait(job: TransferJob, waitMs: number, signal?: AbortSignal): Promise<boolean> {
    return waitFor(job, this.#clock, waitMs, signal);
  }

  /** Ends it; what was copied before stays. Fine for one that is over. Errors: NO_SUCH_COMMAND. */
  async stop(id: string): Promise<void> {
    const { job, stop } = this.#entry(id);
    stop.abort();
    await job.settled;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    const all = [...this.#entries.values()];
    for (const { stop } of all) stop.abort();
    await Promise.all(all.map(({ job }) => job.settled));
  }

  #entry(id: string): Entry {
    this.#forget();
    const entry = this.#entries.get(id);
    if (entry !== undefined) return entry;
    throw new SessionError('NO_SUCH_COMMAND', 'there is no such copy in this session, or it was over long ago');
  }

  async #settle(entry: Entry, copied: Promise<TransferReport>): Promise<void> {
    const outcome = await copied.then(
      (report) => ({ report }),
      (error: unknown) => ({ error: toPaddockError(error) }),
    );
    entry.endedAtMs = this.#clock.monotonic();
    entry.job.outcome = { ...outcome, durationMs: this.#clock.now() - entry.job.startedAtMs };
    this.#forget();
  }

  #forget(): void {
    const nowMs = this.#clock.monotonic();
    const over = [...this.#entries.values()]
      .filter(({ endedAtMs }) => endedAtMs !== undefined)
      .sort((a, b) => (b.endedAtMs ?? 0) - (a.endedAtMs ?? 0));
    for (const [at, { job, endedAtMs = nowMs }] of over.entries()) {
      if (at >= mostKept || nowMs - endedAtMs >= keptMs) this.#entries.delete(job.id);
    }
  }
}

/** What a job that is over came to. Throws the error of one that failed. */
export function reportOf({ outcome }: TransferJob): TransferReport {
  if (outcome === undefined) throw new SessionError('INTERNAL', 'the copy is not over');
  if ('error' in outcome) throw outcome.error;
  return outcome.report;
}
