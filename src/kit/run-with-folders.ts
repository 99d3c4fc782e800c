import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { codeOf } from './error-code.js';
import type { OpenFolder } from './open-folder.js';

export interface RunWithFolders {
  readonly args: readonly string[];
  /** Become descriptors 3, 4 and so on: it needs no path to anything. */
  readonly folders: readonly OpenFolder[];
  /** It is killed when this fires. */
  readonly signal: AbortSignal;
  /** The most that it may print. */
  readonly mostBytes: number;
  /** What it reads; default: nothing. */
  readonly input?: Buffer | undefined;
  /** Told what it prints, as it does. */
  readonly onOutput?: ((piece: Buffer) => void) | undefined;
}

/**
 * Runs a program of ours on folders that are open, and returns its exit code and what it printed. Rejects where it can't be started (ENOENT,
 * EACCES), when it prints more than it may, and with an AbortError.
 */
export async function runWithFolders(
  program: string,
  { args, folders, signal, mostBytes, input, onOutput }: RunWithFolders,
): Promise<{ readonly code: number | null; readonly output: Buffer }> {
  const child = spawn(program, args, {
    // In a group of its own: Ctrl-C in a terminal is for us.
    ...{ env: {}, cwd: '/', detached: true, signal, killSignal: 'SIGKILL' },
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'ignore', ...folders.map(({ fd }) => fd)],
  });
  const ended = once(child, 'close') as Promise<[number | null]>;
  ended.catch(() => undefined);
  // One that reads no further says why, or ends.
  child.stdin?.on('error', () => undefined).end(input);
  const pieces: Buffer[] = [];
  try {
    let length = 0;
    for await (const piece of child.stdout as Readable) {
      pieces.push(piece as Buffer);
      onOutput?.(piece as Buffer);
      length += (piece as Buffer).length;
      if (length > mostBytes) throw new Error('it told more than it may');
    }
    const [code] = await ended;
    return { code, output: Buffer.concat(pieces) };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}

/** Whether that is why it could not be started: there is no such program, or none that may be run. */
export function isNoProgram(error: unknown): boolean {
  return ['ENOENT', 'EACCES'].includes(codeOf(error) ?? '');
}
