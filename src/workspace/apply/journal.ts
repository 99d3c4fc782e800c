import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { PaddockError } from '../../core/errors.js';
import { isGone, OpenFolder } from '../../kit/open-folder.js';
import { mapInTurns, Turns } from '../../kit/turns.js';
import { type Line, lineSchema, type Staged, type Step } from './step.js';

const journalName = 'apply.journal';
/** What it takes at most: as many changes as are taken at once, with paths of ordinary length. */
const maxBytes = 512 * 1024 ** 2;

/** What is being done to a project, in a file beside the layer, so that whoever comes after a crash can finish or undo it. */
export class Journal {
  readonly #file: FileHandle;
  readonly #folder: string;

  private constructor(file: FileHandle, folder: string) {
    this.#file = file;
    this.#folder = folder;
  }

  /** A new one (EEXIST: one was left), with its first lines on the disk. */
  static async begin(folder: string, lines: readonly Line[]): Promise<Journal> {
    await using place = await OpenFolder.at(folder);
    const journal = new Journal(await place.newFile(journalName, 0o600), folder);
    try {
      await journal.#write(lines);
      await journal.sync();
      await place.sync();
      return journal;
    } catch (error) {
      await journal.end();
      throw error;
    }
  }

  /** One that was left, to be written on. */
  static async again(folder: string): Promise<Journal> {
    const { O_WRONLY, O_APPEND, O_NOFOLLOW } = constants;
    return new Journal(await open(`${folder}/${journalName}`, O_WRONLY | O_APPEND | O_NOFOLLOW), folder);
  }

  write(line: Line): Promise<void> {
    return this.#write([line]);
  }

  async #write(lines: readonly Line[]): Promise<void> {
    // In slices: one text of all would be as large as the file.
    for (let at = 0; at < lines.length; at += 1000) {
      const slice = lines.slice(at, at + 1000).map((line) => `${JSON.stringify(line)}\n`);
      await this.#file.appendFile(slice.join(''));
    }
  }

  sync(): Promise<void> {
    return this.#file.datasync();
  }

  /** Takes it away: there is nothing left to finish or undo. */
  async end(): Promise<void> {
    await this.#file.close();
    await using place = await OpenFolder.at(this.#folder);
    await place.remove(journalName);
    await place.sync();
  }

  /** Leaves it for whoever comes next. */
  close(): Promise<void> {
    return this.#file.close();
  }
}

/** What a journal says that was left. */
export interface Found {
  readonly project: { readonly dev: string; readonly ino: string };
  readonly steps: readonly Step[];
  readonly staged: ReadonlyMap<number, Staged>;
  /** Changes that will not be made after all. */
  readonly left: ReadonlySet<number>;
  readonly isCommitted: boolean;
  /** Folders that were made, by the step that made them. */
  readonly made: ReadonlyMap<number, { readonly dev: string; readonly ino: string }>;
  /** Whether its beginning is whole: else nothing has been done yet. */
  readonly hasBegun: boolean;
}

/** Whether an apply was cut short there, as far as can be seen without reading. */
export async function isJournalLeft(folder: string): Promise<boolean> {
  await using place = await OpenFolder.at(folder);
  return (await place.entry(journalName)) !== undefined;
}

/** Undefined: nothing was left. Errors: STATE_UNWRITABLE where it can't be read as one. */
export async function readJournal(folder: string): Promise<Found | undefined> {
  const text = await readText(folder);
  if (text === undefined) return undefined;
  // What is behind the last newline was never whole.
  const lines = await mapInTurns(text.split('\n').slice(0, -1), new Turns(), parseLine);
  const [begin] = lines;
  const steps = lines.flatMap((line) => (line.line === 'step' ? [line.step] : []));
  return {
    project: begin?.line === 'begin' ? { dev: begin.dev, ino: begin.ino } : { dev: '', ino: '' },
    steps,
    staged: new Map(lines.flatMap((line) => (line.line === 'staged' ? [[line.step, line]] : []))),
    left: new Set(lines.flatMap((line) => (line.line === 'left' ? [line.of] : []))),
    isCommitted: lines.some((line) => line.line === 'commit'),
    made: new Map(
      lines.flatMap((line) => (line.line === 'done' && line.made !== undefined ? [[line.step, line.made]] : [])),
    ),
    hasBegun: begin?.line === 'begin' && steps.length === begin.steps,
  };
}

async function readText(folder: string): Promise<string | undefined> {
  await using place = await OpenFolder.at(folder);
  const file = await place.file(journalName).catch((error: unknown) => {
    if (isGone(error)) return undefined;
    throw error;
  });
  if (file === undefined) return undefined;
  try {
    if ((await file.stat()).size > maxBytes) throw unreadable();
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

function parseLine(line: string): Line {
  try {
    return lineSchema.parse(JSON.parse(line));
  } catch (cause) {
    throw unreadable(cause);
  }
}

function unreadable(cause?: unknown): PaddockError {
  return new PaddockError('STATE_UNWRITABLE', `the ${journalName} of a layer can not be read as one`, {
    cause,
    hint: 'Something else has written to it: look into it, take away the entries .paddock-*.tmp that it names, then the file.',
  });
}
