import type { Socket } from 'node:net';
import { PaddockError, SessionError } from '../../core/errors.js';
import type { ExecResult } from '../../core/exec.js';
import { type Deferred, deferred } from '../../kit/deferred.js';
import { known } from '../../kit/known.js';
import { untilOver } from '../../kit/until-over.js';
import type { CommandOptions, TerminalSize } from '../../sandbox/command/command.js';
import type { GivenAnswer } from '../egress/answer-question.js';
import type { UpdateReport } from '../update-report.js';
import { Heard } from './heard.js';
import {
  type ClientMessage,
  type HeldCommand,
  type HeldQuestion,
  type HeldUsage,
  type HolderMessage,
  inputWindowBytes,
} from './messages.js';
import { foreignAnswer } from './other-version.js';
import { type ControlFrame, ControlWire, frameKinds } from './wire.js';

/** The holder went away before it had answered. */
export class HolderGone extends SessionError {}

export interface HeldOptions extends CommandOptions {
  /** Called when a program of the session, of this command or not, waits for a person's word; at once for what waits already. */
  readonly onAsked?: () => void;
}

/** A command that the holder of a session runs for us. */
export interface HeldExec {
  readonly result: Promise<ExecResult>;
  resize(size: TerminalSize): Promise<void>;
}

/**
 * Runs a command in a session that another process holds, over a connection to its control socket, which it takes over.
 * Resolves when the command runs. Errors: those of the holder; CHANNEL_UNAVAILABLE when it goes away in the midst.
 */
export async function execInHeld(socket: Socket, request: unknown, options: HeldOptions): Promise<HeldExec> {
  const exec = new RemoteExec(new ControlWire(socket), options);
  await exec.start(request);
  return exec;
}

/** For a holder that is busy; one that was stopped says nothing at all. */
const patienceMs = 5000;

/** The commands of a session that another process holds. Errors: as `ask`, and CHANNEL_UNAVAILABLE where it gives no answer in five seconds. */
export async function commandsOfHeld(socket: Socket, signal: AbortSignal): Promise<readonly HeldCommand[]> {
  const answer = await askInTime(socket, { say: 'commands' }, signal);
  return answer.say === 'commands' ? answer.commands : [];
}

/** What the holder of a session knows of its usage; undefined where it can't say, gives no answer in five seconds, or is of a version that does not know the question. */
export async function usageOfHeld(socket: Socket, signal?: AbortSignal): Promise<HeldUsage | undefined> {
  const answer = await askInTime(socket, { say: 'usage' }, signal).catch(() => undefined);
  if (answer?.say !== 'usage') return undefined;
  return known({ isAlive: answer.isAlive, usage: answer.usage, trends: answer.trends, alarms: answer.alarms });
}

/** As `ask`. Errors: also CHANNEL_UNAVAILABLE where there is no answer in five seconds. */
async function askInTime(socket: Socket, question: unknown, signal?: AbortSignal): Promise<HolderMessage> {
  const patience = AbortSignal.timeout(patienceMs);
  const both = signal === undefined ? patience : AbortSignal.any([signal, patience]);
  return await ask(socket, question, both).catch((cause: unknown) => {
    if (!patience.aborted || signal?.aborted === true) throw cause;
    throw new HolderGone('CHANNEL_UNAVAILABLE', 'the process that holds the session gives no answer', { cause });
  });
}

/** What waits for a person's word in a session that another process holds. */
export async function questionsOfHeld(socket: Socket, signal: AbortSignal): Promise<readonly HeldQuestion[]> {
  const answer = await ask(socket, { say: 'questions' }, signal);
  return answer.say === 'questions' ? answer.questions : [];
}

/** Answers one of them. Errors: NO_SUCH_QUESTION and the holder's other ones; CHANNEL_UNAVAILABLE when it goes away in the midst. */
export async function answerHeld(
  socket: Socket,
  given: { readonly rule: string; readonly answer: GivenAnswer },
  signal: AbortSignal,
): Promise<void> {
  await ask(socket, { say: 'answer', ...given }, signal);
}

/** Changes a session that another process holds. Errors: the holder's; CHANNEL_UNAVAILABLE when it goes away in the midst. */
export async function updateHeld(socket: Socket, request: unknown, signal: AbortSignal): Promise<UpdateReport> {
  const answer = await ask(socket, { say: 'update', request }, signal);
  if (answer.say !== 'updated') throw new PaddockError('INTERNAL', 'the holder gave no answer to an update');
  return answer.report;
}

/** One question, one answer. Errors: the other side's; CHANNEL_UNAVAILABLE when it goes away, or the signal fires. */
export async function ask(socket: Socket, question: unknown, signal?: AbortSignal): Promise<HolderMessage> {
  const wire = new ControlWire(socket);
  const onAbort = () => wire.destroy();
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted === true) onAbort();
  const answered = deferred<HolderMessage>();
  const heard = new Heard();
  wire.listen(
    (frame) => {
      const message = heard.read(frame);
      if (message instanceof PaddockError) answered.reject(message);
      else if (message !== undefined) answered.resolve(message);
    },
    () => answered.reject(heard.skipped === undefined ? gone() : foreignAnswer(heard.skipped)),
  );
  await wire.sendJson(question);
  try {
    return await answered.promise;
  } finally {
    signal?.removeEventListener('abort', onAbort);
    wire.destroy();
  }
}

class RemoteExec implements HeldExec {
  readonly result: Promise<ExecResult>;
  readonly #wire: ControlWire;
  readonly #options: HeldOptions;
  readonly #started = deferred<undefined>();
  readonly #ended: Deferred<ExecResult> = deferred<ExecResult>();
  readonly #over = new AbortController();
  #roomBytes = inputWindowBytes;
  #onRoom: (() => void) | undefined;
  readonly #heard = new Heard();
  /** Output is taken piece by piece, in order; the result comes after the last. */
  #taking: Promise<void> = Promise.resolve();

  constructor(wire: ControlWire, options: HeldOptions) {
    this.#wire = wire;
    this.#options = options;
    this.result = this.#ended.promise;
    this.result.catch(() => undefined);
    wire.listen(
      (frame) => this.#onFrame(frame),
      () => this.#fail(gone()),
    );
  }

  async start(request: unknown): Promise<void> {
    const { terminal, stdin, signal, isUnlogged } = this.#options;
    await this.#tell({
      say: 'exec',
      request,
      hasInput: stdin !== undefined,
      ...(terminal === undefined ? {} : { terminal }),
      ...(isUnlogged === true ? { isUnlogged } : {}),
    });
    const stop = () => void this.#tell({ say: 'stop' });
    signal?.addEventListener('abort', stop, { once: true });
    this.#over.signal.addEventListener('abort', () => signal?.removeEventListener('abort', stop), { once: true });
    if (signal?.aborted === true) stop();
    await this.#started.promise;
    if (stdin !== undefined) void this.#feed(stdin);
  }

  async resize({ rows, columns }: TerminalSize): Promise<void> {
    await this.#tell({ say: 'resize', rows, columns });
  }

  async #tell(message: ClientMessage): Promise<void> {
    await this.#wire.sendJson(message);
  }

  async #feed(stdin: NonNullable<CommandOptions['stdin']>): Promise<void> {
    try {
      for await (const chunk of untilOver(stdin, this.#over.signal)) await this.#input(chunk);
    } catch {
      // Our own input broke: the command is told that there is no more of it.
    }
    if (!this.#over.signal.aborted) await this.#tell({ say: 'input-end' });
  }

  /** No more than the holder has room for: it never stops reading, or it would not hear us go away or say stop. */
  async #input(chunk: Buffer): Promise<void> {
    for (let at = 0; at < chunk.length && !this.#over.signal.aborted; ) {
      if (this.#roomBytes === 0) {
        await new Promise<void>((resolve) => {
          this.#onRoom = resolve;
        });
        continue;
      }
      const piece = chunk.subarray(at, at + this.#roomBytes);
      at += piece.length;
      this.#roomBytes -= piece.length;
      await this.#wire.send(frameKinds.stdin, piece);
    }
  }

  #onFrame(frame: ControlFrame): void {
    const { kind, payload } = frame;
    if (kind === frameKinds.stdout || kind === frameKinds.stderr) {
      this.#take(kind === frameKinds.stdout ? 'stdout' : 'stderr', payload);
      return;
    }
    const message = this.#heard.read(frame);
    if (message instanceof PaddockError) this.#fail(message);
    else if (message?.say === 'started') this.#started.resolve(undefined);
    else if (message?.say === 'room') this.#makeRoom(message.bytes);
    else if (message?.say === 'asked') this.#options.onAsked?.();
    else if (message?.say === 'result') void this.#taking.then(() => this.#finish(message.result as ExecResult));
  }

  #take(stream: 'stdout' | 'stderr', payload: Buffer): void {
    const copy = Buffer.from(payload);
    this.#wire.hold();
    this.#taking = this.#taking
      .then(() => this.#options.onOutput?.(stream, copy))
      .catch(() => undefined)
      .then(() => this.#wire.letGo());
  }

  #makeRoom(bytes: number): void {
    this.#roomBytes += bytes;
    this.#onRoom?.();
  }

  #finish(result: ExecResult): void {
    this.#stop();
    this.#ended.resolve(result);
  }

  #fail(error: PaddockError): void {
    void this.#taking.then(() => {
      this.#stop();
      this.#started.reject(error);
      this.#ended.reject(error);
    });
  }

  #stop(): void {
    this.#over.abort();
    this.#onRoom?.();
    this.#wire.destroy();
  }
}

function gone(): HolderGone {
  return new HolderGone('CHANNEL_UNAVAILABLE', 'the process that holds the session went away', {
    hint: 'Look with `paddock ps` whether the session still runs, and call again if it does.',
  });
}
