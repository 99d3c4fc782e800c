import type { Socket } from 'node:net';
import { PaddockError } from '../../core/errors.js';
import type { ExecResult } from '../../core/exec.js';
import type { CommandOptions, TerminalSize } from '../../sandbox/command/command.js';
import { answerQuestion } from '../egress/answer-question.js';
import type { OpenQuestion } from '../egress/questions.js';
import { resultOf, type SessionCommand } from '../session-command.js';
import { usedNow } from '../used-now.js';
import type { ControlOptions } from './control-options.js';
import { type ClientMessage, clientMessage, type HolderMessage, parseMessage, toErrorMessage } from './messages.js';
import { foreignQuestion, wordOf } from './other-version.js';
import { VisitorInput } from './visitor-input.js';
import { admitted, traced } from './visitor-policy.js';
import { usageAnswerOf, viewOf } from './visitor-views.js';
import { type ControlFrame, ControlWire, frameKinds } from './wire.js';

type ExecMessage = Extract<ClientMessage, { say: 'exec' }>;

const firstWords: ReadonlySet<ClientMessage['say']> = new Set([
  'exec',
  'update',
  'commands',
  'usage',
  'questions',
  'answer',
]);

/** How long a visitor may take to say what it wants, and to go when it has its answer. */
const politenessMs = 10_000;
/** How long an engine may take to say what a sandbox uses. */
const engineMs = 2000;
/** How long one that does not read may keep a session that is being ended. */
const lastWordsMs = 2000;

/** One connection, with at most one command. It is always read, or nobody would notice when the visitor goes away. */
export class Visitor {
  readonly #options: ControlOptions;
  readonly #wire: ControlWire;
  /** The visitor went away or wants its command ended. */
  readonly #stop = new AbortController();
  readonly #closed = new AbortController();
  readonly #input = new VisitorInput((bytes) => void this.#wire.sendJson({ say: 'room', bytes }));
  #entry: SessionCommand | undefined;
  #size: TerminalSize | undefined;
  #visit: Promise<void> | undefined;
  #isHolderLeaving = false;

  constructor(options: ControlOptions, socket: Socket, onClosed: () => void) {
    this.#options = options;
    this.#wire = new ControlWire(socket);
    const { ending } = options.session;
    const onEnding = () => void this.#closeIn(lastWordsMs);
    ending.addEventListener('abort', onEnding, { once: true });
    this.#wire.listen(
      (frame) => this.#onFrame(frame),
      () => {
        ending.removeEventListener('abort', onEnding);
        this.#closed.abort();
        if (!this.#isHolderLeaving) this.#leave();
        onClosed();
      },
    );
    void this.#closeIn(politenessMs, () => this.#visit === undefined);
  }

  /**
   * Ends the connection; one that waits for a command of a sandbox that has ended is told how that ended. In a sandbox that runs on
   * the command does so too, as it does when its holder is killed.
   */
  async showOut(): Promise<void> {
    this.#isHolderLeaving = this.#options.session.sandbox.alive;
    if (!this.#options.session.sandbox.alive && this.#visit !== undefined) {
      void this.#closeIn(lastWordsMs);
      await this.#visit;
      const isGone = new Promise((resolve) => this.#closed.signal.addEventListener('abort', resolve, { once: true }));
      if (!this.#closed.signal.aborted) await isGone;
    }
    this.#wire.destroy();
  }

  #leave(): void {
    this.#stop.abort();
    this.#input.destroy();
  }

  async #closeIn(ms: number, isStillWanted = () => true): Promise<void> {
    const isOver = await this.#options.clock.sleep(ms, this.#closed.signal).then(
      () => false,
      () => true,
    );
    if (!isOver && isStillWanted()) this.#wire.destroy();
  }

  #onFrame({ kind, payload }: ControlFrame): void {
    if (kind === frameKinds.stdin) {
      if (this.#visit === undefined || !this.#input.write(payload)) throw notForHere();
      return;
    }
    const message = kind === frameKinds.json ? parseMessage(clientMessage, payload) : undefined;
    if (message === undefined) {
      this.#refuseForeign(kind === frameKinds.json ? wordOf(payload) : undefined);
      return;
    }
    if (firstWords.has(message.say) !== (this.#visit === undefined)) throw notForHere();
    this.#act(message);
  }

  /** A question of another version is told so; what steers a command must not be taken for something else. */
  #refuseForeign(word: string | undefined): void {
    if (word === undefined || this.#visit !== undefined) throw notForHere();
    this.#visit = this.#answer(toErrorMessage(foreignQuestion(word)));
  }

  #act(message: ClientMessage): void {
    switch (message.say) {
      case 'exec':
        this.#visit = this.#exec(message);
        break;
      case 'commands':
        this.#visit = this.#answer({ say: 'commands', commands: this.#options.session.commands.map(viewOf) });
        break;
      case 'usage':
        this.#visit = this.#tellUsage();
        break;
      case 'questions':
        this.#visit = this.#answer({ say: 'questions', questions: [...this.#questions] });
        break;
      case 'answer':
        this.#visit = this.#settle(message);
        break;
      case 'update':
        this.#visit = this.#update(message.request);
        break;
      case 'input-end':
        this.#input.end();
        break;
      case 'resize':
        this.#size = message;
        void this.#entry?.command.resize(message);
        break;
      case 'stop':
        this.#stop.abort();
        break;
    }
  }

  async #tellUsage(): Promise<void> {
    const { session, usage, clock } = this.#options;
    // Whoever asks wants to know first of all whether it lives, which needs no engine.
    const inTime = AbortSignal.any([this.#closed.signal, AbortSignal.timeout(engineMs)]);
    try {
      const used = await usedNow(session, usage?.(), clock, inTime);
      await this.#answer(usageAnswerOf(session.sandbox.alive, used));
    } catch (thrown) {
      await this.#answer(toErrorMessage(thrown));
    }
  }

  async #exec(message: ExecMessage): Promise<void> {
    const tellAsked = () => void this.#wire.sendJson({ say: 'asked' });
    // A command that wants what another one is waiting for is not asked for by itself.
    if (this.#questions.length > 0) tellAsked();
    const stopTelling = this.#options.session.egress?.questions.onAsked(tellAsked);
    try {
      const { blocked, ...result } = await traced(this.#options, 'exec', () => this.#run(message));
      await this.#answer({ say: 'result', result: { ...result, ...(blocked && { blocked: [...blocked] }) } });
    } catch (thrown) {
      await this.#answer(toErrorMessage(thrown));
    } finally {
      stopTelling?.();
      // What the visitor still sends has nobody to read it.
      this.#input.destroy();
    }
  }

  get #questions(): readonly OpenQuestion[] {
    return this.#options.session.egress?.questions.list ?? [];
  }

  async #settle({ rule, answer }: Extract<ClientMessage, { say: 'answer' }>): Promise<void> {
    const { session, audit } = this.#options;
    try {
      const asked = { id: session.id, questions: session.egress?.questions, audit };
      await traced(this.#options, 'approve', () => answerQuestion(asked, rule, answer));
      await this.#answer({ say: 'answered' });
    } catch (thrown) {
      await this.#answer(toErrorMessage(thrown));
    }
  }

  async #update(request: unknown): Promise<void> {
    try {
      const report = await traced(this.#options, 'update', () => this.#options.update(request, this.#closed.signal));
      await this.#answer({ say: 'updated', report });
    } catch (thrown) {
      await this.#answer(toErrorMessage(thrown));
    }
  }

  async #run(message: ExecMessage): Promise<ExecResult> {
    const { session, audit } = this.#options;
    const options: CommandOptions = {
      signal: this.#stop.signal,
      ...(message.hasInput ? { stdin: this.#input.open() } : {}),
      ...(message.terminal === undefined ? {} : { terminal: message.terminal }),
      ...(message.isUnlogged === true ? { isUnlogged: true } : {}),
      onOutput: (stream, chunk) => this.#wire.send(frameKinds[stream], chunk),
    };
    const entry = await session.start(admitted(this.#options, message.request), options, audit);
    this.#entry = entry;
    if (this.#size !== undefined) void entry.command.resize(this.#size);
    await this.#wire.sendJson({ say: 'started', commandId: entry.id });
    await entry.settled;
    return resultOf(entry);
  }

  async #answer(message: HolderMessage): Promise<void> {
    await this.#wire.sendJson(message);
    this.#wire.close();
    void this.#closeIn(politenessMs);
  }
}

function notForHere(): PaddockError {
  return new PaddockError('BAD_ARGUMENT', 'that is no message for here');
}
