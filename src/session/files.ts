import type { ExecRequest, ExecResult } from '../core/exec.js';
import type { CommandOptions } from '../sandbox/command/command.js';
import type { RunInside } from '../sandbox/files/inside.js';
import { type ListedFile, type Listing, listInside } from '../sandbox/files/list-inside.js';
import { type FilePart, type FileRange, readInside } from '../sandbox/files/read-inside.js';
import { type WriteOptions, type Written, writeInside } from '../sandbox/files/write-inside.js';
import type { Session } from './session.js';
import { resultOf } from './session-command.js';

export type { FilePart, FileRange, ListedFile };

/** The files of a session as those inside see them. Each call is a command of the session, recorded as one. */
export class SessionFiles {
  readonly #session: Pick<Session, 'start'>;

  constructor(session: Pick<Session, 'start'>) {
    this.#session = session;
  }

  /** Runs one command of ours in the session. */
  get run(): RunInside {
    return this.#run;
  }

  read(path: string, range: FileRange, signal?: AbortSignal): Promise<FilePart> {
    return readInside(this.#run, path, range, signal);
  }

  write(path: string, content: Uint8Array, options: WriteOptions): Promise<Written> {
    return writeInside(this.#run, path, content, options);
  }

  list(path: string, depth: number, signal?: AbortSignal): Promise<Listing> {
    return listInside(this.#run, path, depth, signal);
  }

  readonly #run = async (request: ExecRequest, options: CommandOptions): Promise<ExecResult> => {
    const entry = await this.#session.start(request, options);
    await entry.settled;
    return resultOf(entry);
  };
}
