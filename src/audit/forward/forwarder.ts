import type { Clock } from '../../kit/clock.js';
import { safeLine } from '../../kit/safe-text.js';

/** Takes lines elsewhere. Rejects unless all of them are known to be taken; some may be, then. */
export type Deliver = (lines: readonly string[], signal: AbortSignal) => Promise<void>;

export interface ForwardState {
  /** Whether what is forwarded arrives. */
  readonly isOk: boolean;
  /** How many lines were given up since this was told last. */
  readonly lost: number;
  /** What failed; absent where it works again. */
  readonly why?: string;
}

interface Parts {
  readonly deliver: Deliver;
  readonly clock: Clock;
  /** Told when it begins to fail, and when it works again. */
  readonly onChange: (state: ForwardState) => void;
}

/** Of 1 to 4 KiB as a rule; the oldest go first, since a later head of the log covers what an earlier one does. */
const mostWaiting = { lines: 1000, bytes: 4 * 1024 * 1024 };
const mostAtOnce = 64;
/** A receiver that does not read makes its sender wait for ever. */
const deliveryMs = 5000;
const pausesMs = [1000, 5000, 30_000];
/** How long the end of a process waits for what is left. */
const lastMs = 2000;

/**
 * Passes lines on, in order and at least once, while whoever sends them goes on. What can't be delivered is tried again; when too much
 * waits, the oldest is given up and counted, and the receiver is told how many (`{"lost":N}`). The owner disposes.
 */
export class Forwarder implements AsyncDisposable {
  readonly #parts: Parts;
  readonly #over = new AbortController();
  readonly #end = new AbortController();
  #waiting: string[] = [];
  #waitingBytes = 0;
  #lost = 0;
  #untold = 0;
  #failures = 0;
  #running: Promise<void> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** A line of printable ASCII: `oneLine` makes it. */
  send(line: string): void {
    if (this.#over.signal.aborted) return;
    this.#waiting.push(line);
    this.#waitingBytes += line.length;
    this.#trim();
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    const enough = this.#parts.clock.sleep(lastMs, this.#end.signal).then(
      () => this.#end.abort(),
      () => undefined,
    );
    await this.#running;
    while (this.#waiting.length > 0 && !this.#end.signal.aborted) {
      if (!(await this.#deliverSome())) break;
    }
    this.#end.abort();
    await enough;
    this.#untold += this.#waiting.length;
    this.#waiting = [];
    if (this.#untold > 0) this.#tell({ isOk: false, why: 'the process ended before they were taken' });
  }

  async #run(): Promise<void> {
    const { clock } = this.#parts;
    const { signal } = this.#over;
    while (this.#waiting.length > 0 && !signal.aborted) {
      if (await this.#deliverSome()) continue;
      const pauseMs = pausesMs[Math.min(this.#failures, pausesMs.length) - 1] ?? 0;
      await clock.sleep(pauseMs, signal).catch(() => undefined);
    }
  }

  /** What waits longest. It goes back to the front when it was not taken, or nobody knows. */
  async #deliverSome(): Promise<boolean> {
    const [batch, lost] = [this.#waiting.slice(0, mostAtOnce), this.#lost];
    this.#waiting = this.#waiting.slice(mostAtOnce);
    this.#waitingBytes -= sizeOf(batch);
    const lines = lost > 0 ? [JSON.stringify({ lost }), ...batch] : batch;
    try {
      await this.#parts.deliver(lines, AbortSignal.any([this.#end.signal, AbortSignal.timeout(deliveryMs)]));
    } catch (error) {
      this.#waiting = [...batch, ...this.#waiting];
      this.#waitingBytes += sizeOf(batch);
      this.#trim();
      this.#failed(error);
      return false;
    }
    this.#lost -= lost;
    if (this.#failures > 0) this.#tell({ isOk: true });
    this.#failures = 0;
    return true;
  }

  #failed(error: unknown): void {
    this.#failures += 1;
    if (this.#failures > 1) return;
    this.#tell({ isOk: false, why: safeLine(error instanceof Error ? error.message : String(error)) });
  }

  #tell(state: Pick<ForwardState, 'isOk' | 'why'>): void {
    const lost = this.#untold;
    this.#untold = 0;
    this.#parts.onChange({ ...state, lost });
  }

  #trim(): void {
    while (this.#waiting.length > mostWaiting.lines || this.#waitingBytes > mostWaiting.bytes) {
      this.#waitingBytes -= this.#waiting.shift()?.length ?? 0;
      this.#lost += 1;
      this.#untold += 1;
    }
  }
}

function sizeOf(lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + line.length, 0);
}

/** JSON on one line and in ASCII: a receiver cuts at newlines, and some take other bytes for controls. */
export function oneLine(json: string): string {
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  // By UTF-16 units, as JSON escapes them.
  return json.replace(/[^\x20-\x7e]/g, escaped);
}
