import { spawnSync } from 'node:child_process';
import type { ReadStream, WriteStream } from 'node:tty';
import type { Screen } from './command.js';

/** Of terminals that tell no size, or 0 by 0: a serial line, a recorder, a job of some CI. */
export const usualSize = { rows: 24, columns: 80 } as const;

/** The terminal of this process, if both its input and its output are one. */
export function screenOf(input: ReadStream, output: WriteStream): Screen | undefined {
  if (!input.isTTY || !output.isTTY) return undefined;
  return {
    size: () => ({ rows: output.rows || usualSize.rows, columns: output.columns || usualSize.columns }),
    onResize: (listener) => {
      output.on('resize', listener);
      return () => output.off('resize', listener);
    },
    setRaw: (isRaw) => {
      input.setRawMode(isRaw);
      // Node's raw mode goes on turning line feeds into carriage returns and line feeds, which the terminal inside has done
      // already, or left off on purpose: a full-screen program would be shown crooked. The way back undoes this too.
      // The system's own, whatever a project put on the PATH.
      const env = { PATH: '/usr/bin:/bin' };
      if (isRaw) spawnSync('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'], timeout: 2000, env });
    },
  };
}
