import { PaddockError } from '../../core/errors.js';
import { codeOf } from '../../kit/error-code.js';
import { OpenFolder } from '../../kit/open-folder.js';
import { mapInTurns, Turns } from '../../kit/turns.js';
import type { Change } from '../changes/change.js';
import { type Layer, notesOf } from '../changes/layer.js';
import { AppliedNotes } from './applied-notes.js';
import { check, type Ready, type Sides } from './check.js';
import { type ContentJudge, judgeContent, judgeStaged } from './content-judge.js';
import { finish } from './finish.js';
import { Journal } from './journal.js';
import { LeftAlone } from './left-alone.js';
import { outcomeOf, outcomesOf } from './outcomes.js';
import { stepsFor } from './plan.js';
import { openProject, recoverApply } from './recover.js';
import type { Outcome } from './result.js';
import { expectRoom, type RoomOn } from './room.js';
import { stagePut } from './stage.js';
import { standing } from './standing.js';
import type { Staged, Step } from './step.js';

/** One journal stays readable at once. */
const mostChanges = 100_000;

export interface ApplyOptions {
  /** All changes that the session shows: folders that chosen ones lie in get their permissions from there. */
  readonly all: readonly Change[];
  readonly overwrite: ReadonlySet<string>;
  /** Only looks, and says what would be done. */
  readonly isDry: boolean;
  readonly judge: ContentJudge;
  readonly signal: AbortSignal;
  /** Default: as the kernel says. */
  readonly room?: RoomOn;
}

/**
 * Makes the chosen changes of a layer in its project, each as a whole or not at all, and says what became of each. To be called by
 * whoever has the layer to itself, once `recoverApply` has left no journal; only to look needs neither. Cut short at any moment,
 * `recoverApply` undoes or finishes it. Errors: PROJECT_UNWRITABLE,
 * STATE_UNWRITABLE, BAD_ARGUMENT (too many at once).
 */
export async function applyChanges(
  layer: Layer,
  chosen: readonly Change[],
  options: ApplyOptions,
): Promise<readonly Outcome[]> {
  if (chosen.length > mostChanges) {
    throw new PaddockError(
      'BAD_ARGUMENT',
      `${chosen.length} changes are more than ${mostChanges}: apply them in parts`,
    );
  }
  await using project = await openProject(layer, layer.project);
  await using upper = await OpenFolder.at(layer.upper);
  const notes = await AppliedNotes.of(notesOf(layer));
  const { overwrite, signal } = options;
  const sides = { project, upper, sinceNs: layer.sinceNs, notes, overwrite, signal };
  const { ready, outcomes } = await checkAll(chosen, sides, options);
  if (options.isDry || ready.length === 0) {
    const wouldBe = await mapInTurns(ready, new Turns(signal), ({ change }) => outcomeOf(change.path, 'applied'));
    return [...outcomes, ...wouldBe];
  }
  return [...outcomes, ...(await new Application(layer, sides, ready, options).run())];
}

async function checkAll(chosen: readonly Change[], sides: Sides, { judge, signal }: ApplyOptions) {
  const ready: Ready[] = [];
  const outcomes: Outcome[] = [];
  for (const change of chosen) {
    signal.throwIfAborted();
    try {
      const one = await check(change, sides);
      if (one !== undefined) await judgeContent(change, sides, judge);
      if (one === undefined) outcomes.push(outcomeOf(change.path, 'same'));
      else ready.push(one);
    } catch (error) {
      if (!(error instanceof LeftAlone)) throw error;
      outcomes.push(outcomeOf(change.path, error));
    }
  }
  return { ready, outcomes };
}

class Application {
  readonly #layer: Layer;
  readonly #sides: Sides;
  readonly #ready: readonly Ready[];
  readonly #options: ApplyOptions;
  readonly #staged = new Map<number, Staged>();
  readonly #left = new Map<number, LeftAlone>();

  constructor(layer: Layer, sides: Sides, ready: readonly Ready[], options: ApplyOptions) {
    this.#layer = layer;
    this.#sides = sides;
    this.#ready = ready;
    this.#options = options;
  }

  async run(): Promise<readonly Outcome[]> {
    await expectRoom({ ...this.#sides, ready: this.#ready }, this.#options.room);
    const turns = new Turns(this.#options.signal);
    const steps = await stepsFor(
      this.#ready,
      await standing(this.#sides.project, this.#ready, this.#options.all, turns),
      turns,
    );
    const { dev, ino } = this.#layer.project;
    const journal = await Journal.begin(this.#layer.folder, [
      { line: 'begin', v: 1, dev, ino, steps: steps.length },
      ...steps.map((step) => ({ line: 'step', step }) as const),
    ]);
    try {
      await this.#stageAll(steps, journal);
      await journal.write({ line: 'commit' });
      await journal.sync();
    } catch (error) {
      await journal.close();
      await recoverApply(this.#layer);
      throw noRoom(error);
    }
    return await this.#finish(steps, journal);
  }

  async #stageAll(steps: readonly Step[], journal: Journal): Promise<void> {
    const { project, upper, signal } = { ...this.#sides, ...this.#options };
    const stage = { project, upper, signal, inspect: judgeStaged(project, this.#options.judge) };
    for (const [index, step] of steps.entries()) {
      const change = this.#ready[step.of]?.change;
      if (step.do !== 'put' || change === undefined) continue;
      signal.throwIfAborted();
      try {
        const staged = await stagePut(step, index, change, stage);
        this.#staged.set(index, staged);
        await journal.write(staged);
      } catch (error) {
        if (!(error instanceof LeftAlone)) throw error;
        this.#left.set(step.of, error);
        await journal.write({ line: 'left', of: step.of });
      }
    }
  }

  async #finish(steps: readonly Step[], journal: Journal): Promise<readonly Outcome[]> {
    const left = new Set(this.#left.keys());
    const unfinished = { steps, staged: this.#staged, left, made: new Map<number, never>(), isAgain: false };
    try {
      const failed = await finish(this.#sides.project, unfinished, journal, this.#sides.notes);
      return await outcomesOf(this.#ready, steps, { staged: this.#staged, left: this.#left, failed });
    } catch (error) {
      await journal.close().catch(() => undefined);
      throw noRoom(error);
    }
  }
}

/** What keeps more than one entry from being made is told as a whole; whatever was begun is undone, or finished by the next call. */
function noRoom(error: unknown): unknown {
  const code = codeOf(error);
  if (error instanceof PaddockError || typeof code !== 'string' || error instanceof DOMException) return error;
  return new PaddockError('PROJECT_UNWRITABLE', `the changes could not be applied: ${code}`, { cause: error });
}
