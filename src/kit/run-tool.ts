import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { codeOf } from './error-code.js';

export interface ToolRun {
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** It is killed, with all that it has started, when this fires. */
  readonly signal: AbortSignal;
  /** The most that it may print on stdout; more ends it. */
  readonly mostBytes: number;
}

export interface ToolEnd {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly output: Buffer;
  /** The end of what it printed on stderr: foreign text. */
  readonly words: string;
}

/** What ends a tool that prints more than it may. */
export class TooMuchOutput extends Error {}

const quotedChars = 4000;

/**
 * Runs one of the user's own tools and returns how it ended. Rejects where it can't be started (ENOENT, EACCES), with TooMuchOutput, and with the
 * signal's reason. Nothing that it has started outlives the call, but for what has left its process group.
 */
export async function runTool(program: string, run: ToolRun): Promise<ToolEnd> {
  const { args, cwd, env, signal, mostBytes } = run;
  signal.throwIfAborted();
  // In a group of its own: Ctrl-C in a terminal is for us.
  const child = spawn(program, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const end = (): void => endGroup(child);
  signal.addEventListener('abort', end, { once: true });
  const ended = once(child, 'close') as Promise<[number | null]>;
  ended.catch(() => undefined);
  try {
    const reading = Promise.all([upTo(child.stdout, mostBytes), endOf(child.stderr)]);
    // Streams of a program that is not there end in silence; what it is that failed, only this says.
    const [[output, words], [code]] = await Promise.all([reading, ended]);
    signal.throwIfAborted();
    return { code, output, words };
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', end);
    if (child.exitCode === null && child.signalCode === null) end();
  }
}

/** With all that it has started: a shell in between would go on, and holds the pipes that are read here. */
function endGroup({ pid, stdout, stderr }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error;
  } finally {
    // One that has left the group may hold them still.
    stdout?.destroy();
    stderr?.destroy();
  }
}

async function upTo(stream: Readable, mostBytes: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of stream) {
    pieces.push(piece as Buffer);
    length += (piece as Buffer).length;
    if (length > mostBytes) throw new TooMuchOutput(`it prints more than ${mostBytes} bytes`);
  }
  return Buffer.concat(pieces);
}

async function endOf(stream: Readable): Promise<string> {
  let text = '';
  for await (const piece of stream) text = (text + String(piece)).slice(-quotedChars);
  return text;
}
