import { constants } from 'node:os';
import { Readable } from 'node:stream';
import { type ErrorCode, SandboxError } from '../../core/errors.js';
import type { ExecRequest, ExecResult } from '../../core/exec.js';
import { safeLine } from '../../kit/safe-text.js';
import { initTarget } from '../body/input.js';
import type { CommandOptions } from '../command/command.js';

/** Runs one command in a sandbox to its end; whoever holds it, and however commands get in. */
export type RunInside = (request: ExecRequest, options: CommandOptions) => Promise<ExecResult>;

/** What is asked of the program inside. */
export interface Question {
  /** How the path reads in messages. */
  readonly path: string;
  readonly argv: readonly string[];
  /** Most bytes of an answer; one that has more is none of ours. */
  readonly mostBytes: number;
  readonly stdin?: Uint8Array | Readable;
  /** Default: half a minute. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface Answer {
  /** The first line, without what says that all is well. */
  readonly head: string;
  readonly body: Buffer;
}

const usualTimeoutMs = 30_000;
const headBytes = 512;

/**
 * Has process 1's program look after files, as a command of the sandbox's own user: what a path means, which links are followed
 * and what may be written is decided by the kernel, inside. All that it says is bounded, and hostile: the program is read-only
 * inside, but what runs there has the same user. Errors: NO_SUCH_FILE, FILE_REFUSED, FILE_KIND, FILE_EXISTS, LIMIT_REACHED,
 * FILES_UNAVAILABLE, INTERRUPTED, those of `start` of a session.
 */
export async function askInside(run: RunInside, question: Question): Promise<Answer> {
  const { argv, path, mostBytes, stdin, signal, timeoutMs = usualTimeoutMs } = question;
  const said = new Said(mostBytes + headBytes);
  const request: ExecRequest = {
    argv: [initTarget, ...argv],
    // A path that begins at the root needs no working directory, which may be gone.
    ...(path.startsWith('/') ? { cwd: '/' } : {}),
    timeoutMs,
    outputCapBytes: 1024,
    outputLimitBytes: mostBytes + 8192,
  };
  const result = await run(request, {
    isUnlogged: true,
    onOutput: (stream, chunk) => said.take(stream, chunk),
    ...(signal === undefined ? {} : { signal }),
    ...(stdin === undefined ? {} : { stdin: stdin instanceof Readable ? stdin : Readable.from([Buffer.from(stdin)]) }),
  });
  const { first, body, isWhole } = said.parts();
  refuseFailed(result, first, path);
  const short = /^short (\d{1,16})$/.exec(first);
  if (short !== null) throw unusable(path, `only ${short[1]} bytes of its content arrived, so it was left as it was`);
  if (result.exitCode !== 0 || !first.startsWith('ok ') || !isWhole) throw notOurs(result, path);
  return { head: first.slice(3), body };
}

/** Throws what the end of the command, or its first line, says went wrong. */
export function refuseFailed(result: ExecResult, first: string, path: string): void {
  refuseUnfinished(result, path);
  const error = /^error (\d{1,4})$/.exec(first);
  if (error !== null) throw refusedBy(Number(error[1]), path);
}

/** Standard output up to a limit; the rest is counted, not kept. */
class Said {
  readonly #mostBytes: number;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  take(stream: 'stdout' | 'stderr', chunk: Buffer): void {
    if (stream === 'stderr') return;
    this.#bytes += chunk.length;
    if (this.#bytes <= this.#mostBytes) this.#chunks.push(Buffer.from(chunk));
  }

  parts(): { readonly first: string; readonly body: Buffer; readonly isWhole: boolean } {
    const all = Buffer.concat(this.#chunks);
    const end = all.subarray(0, headBytes).indexOf('\n');
    if (end < 0) return { first: '', body: all, isWhole: false };
    const first = all.subarray(0, end).toString('latin1');
    return { first, body: all.subarray(end + 1), isWhole: this.#bytes <= this.#mostBytes };
  }
}

function refuseUnfinished({ reason, note }: ExecResult, path: string): void {
  switch (reason) {
    case 'exited':
      return;
    case 'aborted':
      throw new SandboxError('INTERRUPTED', 'the call was cancelled');
    case 'session-ended':
      throw new SandboxError('SESSION_ENDED', 'the session ended meanwhile');
    case 'disk-limit':
      throw new SandboxError('LIMIT_REACHED', `the session has no disk left${note === undefined ? '' : `: ${note}`}`, {
        hint: 'Delete what is no longer needed in the session, or give it more with update_session (disk).',
      });
    case 'timeout':
    case 'oom':
    case 'output-limit':
    case 'lost':
      throw unusable(path, `what looked after it was ended (${reason})`);
  }
}

const byErrno: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  ENOENT: ['NO_SUCH_FILE', 'is not there'],
  ENOTDIR: ['NO_SUCH_FILE', 'leads through something that is no folder'],
  EACCES: ['FILE_REFUSED', "may not be used by the sandbox's user"],
  EPERM: ['FILE_REFUSED', "may not be used by the sandbox's user"],
  EROFS: ['FILE_REFUSED', 'is in a read-only place'],
  ETXTBSY: ['FILE_REFUSED', 'is a program that runs'],
  EBUSY: ['FILE_REFUSED', 'is in use'],
  EISDIR: ['FILE_KIND', 'is a folder'],
  ENXIO: ['FILE_KIND', 'is a device, a FIFO or a socket'],
  EEXIST: ['FILE_EXISTS', 'is there already'],
  ENAMETOOLONG: ['BAD_ARGUMENT', 'has a name that is too long'],
  ELOOP: ['BAD_ARGUMENT', 'has too many links'],
  ENOSPC: ['LIMIT_REACHED', 'has no room'],
  EDQUOT: ['LIMIT_REACHED', 'has no room'],
  EFBIG: ['LIMIT_REACHED', 'is larger than a file may be in this session'],
};

function refusedBy(errno: number, path: string): SandboxError {
  const name = Object.entries(constants.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`;
  const [code, why] = byErrno[name] ?? (['FILES_UNAVAILABLE', `can't be used (${name})`] as const);
  const hint = code === 'LIMIT_REACHED' ? { hint: 'Delete what is no longer needed there, or write less.' } : {};
  return new SandboxError(code, `${shown(path)} ${why}`, hint);
}

function unusable(path: string, why: string): SandboxError {
  return new SandboxError('FILES_UNAVAILABLE', `${shown(path)}: ${why}`);
}

/** Not what this version answers: it is not mounted there, is of another version, or was tampered with. */
export function notOurs({ exitCode }: ExecResult, path: string): SandboxError {
  const why =
    exitCode === 126 || exitCode === 127
      ? "Paddock's own program is not in this sandbox"
      : exitCode === 2
        ? 'the session was made by a version of Paddock that knew nothing of files'
        : `its answer can't be read (exit code ${exitCode})`;
  return unusable(path, why);
}

/** A path in a message. */
export function shown(path: string): string {
  return safeLine(JSON.stringify(path), 400);
}
