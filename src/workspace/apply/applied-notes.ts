import { constants } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { isGone } from '../../kit/open-folder.js';
import { eachInTurns, mapInTurns, Turns } from '../../kit/turns.js';
import { keyOf, type Seen } from './seen.js';

export const appliedName = 'applied.jsonl';
const noteSchema = z.strictObject({ path: z.string(), is: z.string().max(256) });

/** What applying a layer has put into its project so far: that has changed there since the session began, but by us. */
export class AppliedNotes {
  readonly #file: string;
  readonly #known: Map<string, string>;
  readonly #fresh: { path: string; is: string }[] = [];

  private constructor(file: string, known: Map<string, string>) {
    this.#file = file;
    this.#known = known;
  }

  static async of(layerFolder: string): Promise<AppliedNotes> {
    const file = join(layerFolder, appliedName);
    const text = await readFile(file, 'utf8').catch((error: unknown) => {
      if (isGone(error)) return '';
      throw error;
    });
    // The last one counts. One that is torn says nothing: then it is taken for a change of somebody else's, and asked about.
    const known = new Map<string, string>();
    await eachInTurns(text.split('\n'), new Turns(), (line) => {
      const note = parse(line);
      if (note !== undefined) known.set(note.path, note.is);
    });
    return new AppliedNotes(file, known);
  }

  /** Whether that is exactly what we have put there. */
  has(path: string, found: Seen): boolean {
    return this.#known.get(path) === keyOf(found);
  }

  add(path: string, put: Seen): void {
    this.#note(path, keyOf(put));
  }

  /** Notes the same in the folder of a copy, on the disk on return. */
  async carryTo(layerFolder: string): Promise<void> {
    const copy = await AppliedNotes.of(layerFolder);
    await eachInTurns(this.#known, new Turns(), ([path, is]) => copy.#note(path, is));
    await copy.save();
  }

  /** Writes down what was added, on the disk on return. */
  async save(): Promise<void> {
    if (this.#fresh.length === 0) return;
    const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW } = constants;
    const file = await open(this.#file, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
    try {
      // In a line of its own, also behind one that is torn.
      const lines = await mapInTurns(this.#fresh.splice(0), new Turns(), (note) => `${JSON.stringify(note)}\n`);
      await file.appendFile(`\n${lines.join('')}`);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  #note(path: string, is: string): void {
    this.#known.set(path, is);
    this.#fresh.push({ path, is });
  }
}

function parse(line: string): z.output<typeof noteSchema> | undefined {
  try {
    return noteSchema.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}
