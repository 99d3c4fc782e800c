import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { PaddockError } from '../core/errors.js';
import type { Clock } from '../kit/clock.js';
import type { Shown } from './handler.js';

export interface TextFileOptions {
  /** Absolute, and ending in `.prom`: node_exporter reads no others. */
  readonly path: string;
  readonly everyMs: number;
  readonly shown: Shown;
  readonly clock: Clock;
  /** Told once when it could not be written, and again after it could. */
  readonly onFailure: (error: unknown) => void;
}

/** The path with the process's number for `%p`: several servers of a user need a file each. Errors: BAD_ARGUMENT. */
export function textFilePath(text: string, pid: number): string {
  const path = text.replaceAll('%p', String(pid));
  if (isAbsolute(path) && path.endsWith('.prom') && !path.includes('\0')) return path;
  throw new PaddockError('BAD_ARGUMENT', `metrics can't be written to ${text}`, {
    hint: 'Give an absolute path that ends in .prom, in the folder of node_exporter’s textfile collector; %p in it becomes the process’s number.',
  });
}

/**
 * Writes the metrics to a file every so often, for node_exporter's textfile collector, until it is disposed; then the file goes, since nobody
 * counts any more. A reader finds the whole of one or the other text: each is written beside it and takes its name.
 */
export function writeTextFile(options: TextFileOptions): AsyncDisposable {
  const stop = new AbortController();
  const writing = keepWriting(options, stop.signal);
  return {
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await writing;
      await rm(options.path, { force: true }).catch(() => undefined);
    },
  };
}

async function keepWriting(options: TextFileOptions, signal: AbortSignal): Promise<void> {
  const { path, everyMs, shown, clock, onFailure } = options;
  let isFailing = false;
  while (!signal.aborted) {
    try {
      await replaceFile(path, await shown.text());
      isFailing = false;
    } catch (error) {
      if (!isFailing) onFailure(error);
      isFailing = true;
    }
    await clock.sleep(everyMs, signal).catch(() => undefined);
  }
}

/** Readable by all, as node_exporter runs as somebody else. */
async function replaceFile(path: string, text: string): Promise<void> {
  const draft = join(dirname(path), `.paddock-${randomBytes(8).toString('hex')}`);
  try {
    await using file = await open(draft, 'wx', 0o644);
    await file.writeFile(text);
    await file.chmod(0o644);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined);
    throw error;
  }
}
