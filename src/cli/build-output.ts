import type { Writable } from 'node:stream';
import { safeText } from '../kit/safe-text.js';

/** What one build may print; a step that floods says nothing more after it. */
const mostChars = 4 * 1024 * 1024;
const mostLineChars = 1000;

/** Shows a build on stderr while it goes on, line by line: what its steps print acts on no terminal. */
export class BuildOutput {
  readonly #stream: Writable;
  #rest = '';
  #left = mostChars;

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  readonly onStep = (text: string): void => {
    this.#print(`paddock: ${safeText(text)}\n`);
  };

  readonly onOutput = (text: string): void => {
    if (this.#left <= 0) return;
    this.#left -= text.length;
    const lines = (this.#rest + text).split('\n');
    // A progress bar that never ends its line is shown as it stands.
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > mostLineChars) {
      lines.push(this.#rest);
      this.#rest = '';
    }
    for (const line of lines) this.#print(`${shown(line)}\n`);
    if (this.#left <= 0) this.#print('paddock: the build prints too much; the rest is left out\n');
  };

  /** Nobody waits for a slow terminal: what it has not taken yet is bounded by what a build may print. */
  #print(text: string): void {
    if (!this.#stream.destroyed) this.#stream.write(text);
  }
}

/** Of a line that is written over and over, the last state. */
function shown(line: string): string {
  return safeText(line.split('\r').findLast((part) => part !== '') ?? '', mostLineChars);
}
