import { constants } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { isGone } from '../../kit/open-folder.js';
import { eachInTurns, mapInTurns, Turns } from '../../kit/turns.js';
import type { Change } from '../changes/change.js';

export const discardedName = 'discarded.jsonl';
const markSchema = z.strictObject({ path: z.string(), was: z.string() });
export type Mark = z.output<typeof markSchema>;
/** How a mark begins of what the project has and the session has not. */
export const goneMark = 'gone ';

/**
 * Changes that somebody does not want. The layer itself stays as it is, since nothing may be changed in it while an overlay is
 * mounted from it: so the sandbox still sees them. A change that becomes another one is shown again.
 */
export class DiscardMarks {
  readonly #file: string;
  readonly #marks: Map<string, Mark>;

  private constructor(file: string, marks: Map<string, Mark>) {
    this.#file = file;
    this.#marks = marks;
  }

  static async of(layerFolder: string): Promise<DiscardMarks> {
    const file = join(layerFolder, discardedName);
    const text = await readFile(file, 'utf8').catch((error: unknown) => {
      if (isGone(error)) return '';
      throw error;
    });
    const marks = new Map<string, Mark>();
    await eachInTurns(text.split('\n'), new Turns(), (line) => {
      const mark = parse(line);
      if (mark !== undefined) marks.set(keyOf(mark), mark);
    });
    return new DiscardMarks(file, marks);
  }

  /** Of a file of them. */
  static async textOf(marks: readonly Mark[]): Promise<string> {
    return (await mapInTurns(marks, new Turns(), (mark) => `${JSON.stringify(mark)}\n`)).join('');
  }

  has(change: Change): boolean {
    return this.#marks.has(keyOf(markOf(change)));
  }

  get all(): readonly Mark[] {
    return [...this.#marks.values()];
  }

  async add(changes: readonly Change[]): Promise<void> {
    await this.note(await mapInTurns(changes, new Turns(), markOf));
  }

  /** On the disk on return. */
  async note(marks: readonly Mark[]): Promise<void> {
    const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW } = constants;
    const file = await open(this.#file, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
    try {
      // In lines of their own, also behind one that is torn.
      await file.appendFile(`\n${await DiscardMarks.textOf(marks)}`);
      await file.sync();
    } finally {
      await file.close();
    }
    await eachInTurns(marks, new Turns(), (mark) => this.#marks.set(keyOf(mark), mark));
  }
}

/** What the session has there; where it has nothing, what the project has that is to go. */
function markOf({ path, before, after }: Change): Mark {
  return { path, was: after === undefined ? `${goneMark}${before?.stamp ?? ''}` : (after.lasting ?? after.stamp) };
}

function keyOf({ path, was }: Mark): string {
  return `${was} ${path}`;
}

function parse(line: string): Mark | undefined {
  try {
    return markSchema.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}
