import { type Clock, systemClock } from '../kit/clock.js';
import { everySoOften } from '../kit/every-so-often.js';
import type { Terminal } from './command.js';

const everyMs = 500;

/** How far something is. */
interface SoFar {
  readonly entries: number;
  readonly bytes: number;
}

/** One line on a terminal, for what takes longer than a moment; nothing where stderr is none. Disposing takes it away. */
export class ProgressLine implements Disposable {
  readonly tell: (soFar: SoFar) => void;
  readonly #terminal: Terminal;
  #isShown = false;

  /** `doing` comes before the numbers. */
  constructor(terminal: Terminal, doing = '', clock: Clock = systemClock) {
    this.#terminal = terminal;
    this.tell = everySoOften(clock, everyMs, ({ entries, bytes }) => {
      if (!terminal.stderrIsTerminal) return;
      this.#isShown = true;
      terminal.stderr.write(`\r\x1b[K${doing}${entries} entries, ${(bytes / 1024 ** 2).toFixed(1)} MiB`);
    });
  }

  [Symbol.dispose](): void {
    if (this.#isShown) this.#terminal.stderr.write('\r\x1b[K');
    this.#isShown = false;
  }
}

/** Runs something under such a line, which is gone when it is over. */
export async function whileShown<T>(
  terminal: Terminal,
  doing: string,
  run: (onProgress: ProgressLine['tell']) => Promise<T>,
): Promise<T> {
  using line = new ProgressLine(terminal, doing);
  return await run(line.tell);
}
