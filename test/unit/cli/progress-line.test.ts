import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { ProgressLine } from '../../../src/cli/progress-line.js';
import { HeldClock } from '../tools/support/stage.js';

function shownOn(stderrIsTerminal: boolean): string {
  const stderr = new PassThrough();
  const clock = new HeldClock();
  const [stdin, stdout] = [new PassThrough(), new PassThrough()];
  {
    using line = new ProgressLine({ stdin, stdout, stderr, stderrIsTerminal, screen: undefined }, 'copied: ', clock);
    for (const bytes of [0, 1024 ** 2, 2 * 1024 ** 2, 3 * 1024 ** 2]) {
      line.tell({ entries: 0, bytes });
      clock.nowMs += 300;
    }
  }
  return String(stderr.read() ?? '');
}

it('shows on a terminal, twice a second, how far something is, and leaves nothing of that', () => {
  expect(shownOn(true)).toBe('\r\x1b[Kcopied: 0 entries, 2.0 MiB\r\x1b[K');
  expect(shownOn(false)).toBe('');
});
