import { closeSync, openSync, readSync } from 'node:fs';

/** How a kernel file is read; undefined when it can't be. */
export type ReadText = (path: string) => string | undefined;

/** More than any file has that is read here, with a hundred devices in io.stat. */
const bufferBytes = 16 * 1024;

/**
 * Reads small kernel files into one buffer, by one call each: what cgroup files and a process's stat and statm hold is made whole at the
 * first read (single_open, seq_show). Made for reading hundreds of them every second. A file that fills the buffer is not read.
 */
export function kernelTexts(): ReadText {
  const buffer = Buffer.allocUnsafeSlow(bufferBytes);
  return (path) => {
    let file: number | undefined;
    try {
      file = openSync(path, 'r');
      const length = readSync(file, buffer, 0, bufferBytes, 0);
      return length < bufferBytes ? buffer.toString('latin1', 0, length) : undefined;
    } catch {
      return undefined;
    } finally {
      if (file !== undefined) closeSync(file);
    }
  };
}
