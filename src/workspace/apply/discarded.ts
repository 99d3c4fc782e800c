import { constants } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { isGone } from '../../kit/open-folder.js';
import type { Change } from '../changes/change.js';

const fileName = 'discarded.jsonl';
const markSchema = z.strictObject({ path: z.string(), was: z.string() });
type Mark = z.output<typeof markSchema>;

/**
 * Changes that somebody does not want. The layer itself stays as it is, since nothing may be changed in it while an overlay is
 * mounted from it: so the sandbox still sees them. A change that becomes another one is shown again.
 */
export class DiscardMarks {
  readonly #file: string;
  readonly #marks: Set<string>;

  private constructor(file: string, marks: Set<string>) {
    this.#file = file;
    this.#marks = marks;
  }

  static async of(layerFolder: string): Promise<DiscardMarks> {
    const file = join(layerFolder, fileName);
    const text = await readFile(file, 'utf8').catch((error: unknown) => {
      if (isGone(error)) return '';
      throw error;
    });
    return new DiscardMarks(file, new Set(text.split('\n').flatMap(parse).map(keyOf)));
  }

  has(change: Change): boolean {
    return this.#marks.has(keyOf(markOf(change)));
  }

  /** On the disk on return. */
  async add(changes: readonly Change[]): Promise<void> {
    const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW } = constants;
    const file = await open(this.#file, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
    try {
      // In lines of their own, also behind one that is torn.
      await file.appendFile(`\n${changes.map((change) => `${JSON.stringify(markOf(change))}\n`).join('')}`);
      await file.sync();
    } finally {
      await file.close();
    }
    for (const change of changes) this.#marks.add(keyOf(markOf(change)));
  }
}

/** What the session has there; where it has nothing, what the project has that is to go. */
function markOf({ path, before, after }: Change): Mark {
  return { path, was: after === undefined ? `gone ${before?.stamp ?? ''}` : after.stamp };
}

function keyOf({ path, was }: Mark): string {
  return `${was} ${path}`;
}

function parse(line: string): readonly Mark[] {
  try {
    return [markSchema.parse(JSON.parse(line))];
  } catch {
    return [];
  }
}
