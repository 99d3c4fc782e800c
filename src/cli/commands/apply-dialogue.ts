import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { ShownChoice } from '../../policy/change-requests.js';
import { diffNote } from '../../session/changes/diff-note.js';
import type { Reviewed } from '../../session/changes/review-report.js';
import { itemLine } from '../../session/changes/review-text.js';
import type { Differ } from '../../workspace/changes/diff.js';
import type { Paint } from '../paint.js';

/** What the dialogue talks over. Everything that is shown has been made safe for a terminal. */
export interface Talk {
  readonly input: Readable;
  readonly show: (text: string) => Promise<void>;
  readonly differ: Pick<Differ, 'diffOf'>;
  readonly signal: AbortSignal;
  readonly paint: Paint;
}

type Answer = 'yes' | 'no' | 'all' | 'done' | 'quit';

const answers: Readonly<Record<string, Answer>> = {
  y: 'yes',
  yes: 'yes',
  n: 'no',
  no: 'no',
  a: 'all',
  d: 'done',
  q: 'quit',
};
const help =
  'y: apply it; n: leave it; a: apply it and all that follow but withheld ones; d: leave it and all that follow; q: apply nothing\n';
const heldHelp = 'yes, in full: apply it; n: leave it; d: leave it and all that follow; q: apply nothing\n';

/**
 * Shows each change with its difference and asks whether it is to be applied; what is withheld is asked for one by one, and takes a
 * `yes` in full. Undefined: nothing is to be applied, because somebody said so or the input ended.
 */
export async function chooseByAsking(reviewed: readonly Reviewed[], talk: Talk): Promise<ShownChoice | undefined> {
  const lines = createInterface({ input: talk.input, terminal: false, signal: talk.signal });
  const answered = lines[Symbol.asyncIterator]();
  const choice = { paths: [] as string[], named: [] as string[] };
  let rest: 'ask' | 'all' | 'none' = 'ask';
  try {
    for (const one of asked(reviewed)) {
      talk.signal.throwIfAborted();
      const isHeld = one.item.withheld !== undefined;
      if (one.item.refused !== undefined) {
        await talk.show(`${talk.paint.item(itemLine(one.item))}\n  It is never applied.\n`);
        continue;
      }
      if (rest === 'none') continue;
      const answer = rest === 'all' && !isHeld ? 'yes' : await ask(one, talk, answered);
      if (answer === 'quit') return undefined;
      if (answer === 'all') rest = 'all';
      if (answer === 'done') rest = 'none';
      if (answer === 'yes' || answer === 'all') take(one, choice);
    }
    talk.signal.throwIfAborted();
    return choice;
  } finally {
    lines.close();
  }
}

/** A folder with what it stands for, and what of that is held back by itself. */
function* asked(reviewed: readonly Reviewed[]): Generator<Reviewed> {
  for (const one of reviewed) {
    yield one;
    yield* (one.standsFor ?? []).filter(isHeldBack);
  }
}

function isHeldBack({ item }: Reviewed): boolean {
  return item.withheld !== undefined || item.refused !== undefined;
}

function take(
  { item, standsFor = [] }: Reviewed,
  choice: { readonly paths: string[]; readonly named: string[] },
): void {
  choice.paths.push(item.path);
  for (const { item: below } of standsFor.filter((one) => !isHeldBack(one))) choice.paths.push(below.path);
  if (item.withheld !== undefined) choice.named.push(item.path);
}

async function ask(one: Reviewed, talk: Talk, answered: AsyncIterator<string>): Promise<Answer> {
  const isHeld = one.item.withheld !== undefined;
  await talk.show(`\n${talk.paint.item(itemLine(one.item))}\n`);
  const diff = await talk.differ.diffOf(one.change);
  if ('lines' in diff) await talk.show(`${diff.lines.map(talk.paint.diff).join('\n')}\n`);
  else if (diff.because !== 'no-text') await talk.show(`  ${diffNote(diff)}\n`);
  if (isHeld) await talk.show('The host would execute or trust it (docs/withheld.md).\n');
  for (;;) {
    await talk.show(isHeld ? 'Apply it all the same? [yes,n,d,q] ' : 'Apply it? [y,n,a,d,q] ');
    const line = await answered.next();
    talk.signal.throwIfAborted();
    if (line.done === true) return 'quit';
    const word = line.value.trim().toLowerCase();
    const answer = answers[word];
    const isEnough = !isHeld || !['y', 'a'].includes(word);
    if (answer !== undefined && isEnough) return answer;
    await talk.show(isHeld ? heldHelp : help);
  }
}
