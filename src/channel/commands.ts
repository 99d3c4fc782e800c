import { PaddockError } from '../core/errors.js';
import { Command, type CommandHost } from './channel-command.js';
import { startCredit } from './command-outputs.js';
import { encodePrepare, encodeStart } from './encode.js';
import { ChannelStartFailed, ChannelViolation } from './errors.js';
import { Preparation } from './preparation.js';
import { channelSize } from './protocol.js';
import type { ChannelCommand, ChannelStart, CommandSinks, CommandState, PreparedCommand } from './types.js';

const { MAX_COMMANDS, FIRST_CONNECTION_ID } = channelSize;
const ECHILD = 10;
const EAGAIN = 11;

export interface CommandsHost {
  readonly outbox: CommandHost['outbox'];
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Milliseconds of CLOCK_BOOTTIME. */
  readonly boottimeMs: () => number;
}

/** The commands of a channel: those started through it, and those that it found when it was taken over. */
export class Commands {
  readonly #host: CommandsHost;
  readonly #commands = new Map<number, Command>();
  readonly #preparations = new Map<number, Preparation>();
  readonly #unattached = new Set<number>();
  #lastId = 0;

  constructor(host: CommandsHost) {
    this.#host = host;
  }

  /** Those of the holder before. */
  adopt(known: readonly CommandState[]): void {
    for (const state of known) {
      const startedAtMs = Math.round(this.#host.now() - this.#host.boottimeMs() + state.startedBoottimeMs);
      const plan = { hasTty: false, hasInput: true, hasRing: true, known: { ...state, startedAtMs } };
      this.#add(new Command(state.id, plan, this.#commandHost()));
      this.#unattached.add(state.id);
      this.#lastId = Math.max(this.#lastId, state.id);
    }
  }

  async prepare(): Promise<PreparedCommand> {
    this.#refuseWhenFull();
    const id = this.#nextId();
    const preparation = new Preparation(id, this.#commandHost());
    this.#preparations.set(id, preparation);
    this.#host.outbox.send(encodePrepare(id));
    return await preparation.ready();
  }

  async start(
    start: ChannelStart,
    sinks: CommandSinks,
    signal: AbortSignal | undefined,
    prepared?: PreparedCommand,
  ): Promise<ChannelCommand> {
    if (prepared === undefined) this.#refuseWhenFull();
    const plan = { hasTty: start.tty !== undefined, hasInput: start.stdin, hasRing: (start.ringBytes ?? 0) > 0 };
    const id = prepared?.id ?? this.#nextId();
    let frame: Buffer | undefined = encodeStart(id, start, startCredit(plan));
    throwIfAborted(signal);
    this.#take(prepared);
    const command = this.#add(new Command(id, plan, this.#commandHost()));
    command.open(sinks);
    const onAbort = () => {
      // What was prepared is there, whether a START has been sent or not.
      if (frame === undefined || prepared !== undefined) command.end(0);
      else command.abandon(interrupted(signal));
      frame = undefined;
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#host.outbox.queue({
      nextFrame: () => {
        // Prepared processes may be gone by now: the id is forgotten then, and a START would be another command's.
        const next = command.isStarting ? frame : undefined;
        frame = undefined;
        return next;
      },
    });
    try {
      await command.started;
    } catch (error) {
      throw prepared !== undefined && signal?.aborted === true ? interrupted(signal) : error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
    if (signal?.aborted !== true) return command;
    await command.exited;
    throw interrupted(signal);
  }

  attach(id: number, sinks: CommandSinks): ChannelCommand {
    const command = this.#commands.get(id);
    if (command === undefined || !this.#unattached.delete(id)) {
      throw new PaddockError('NO_SUCH_COMMAND', `there is no command ${id} that waits for its holder`);
    }
    command.open(sinks);
    return command;
  }

  /** For a frame about one that has not begun to run, or never will. */
  begun(id: number): Command | Preparation {
    return this.#preparations.get(id) ?? this.get(id);
  }

  preparation(id: number): Preparation {
    const preparation = this.#preparations.get(id);
    if (preparation === undefined) throw new ChannelViolation(`PREPARED of ${id}, for which nobody asked`);
    return preparation;
  }

  /** For a frame about it. */
  get(id: number): Command {
    const command = this.#commands.get(id);
    if (command === undefined) throw new ChannelViolation(`a frame for the command ${id}, which is not known`);
    return command;
  }

  close(error: Error): void {
    for (const command of this.#commands.values()) command.onChannelEnd(error);
    this.#commands.clear();
    for (const preparation of this.#preparations.values()) preparation.onChannelEnd(error);
    this.#preparations.clear();
  }

  #take(prepared: PreparedCommand | undefined): void {
    if (prepared === undefined) return;
    const preparation = this.#preparations.get(prepared.id);
    if (preparation !== prepared) throw new ChannelStartFailed('fork', ECHILD);
    preparation.take();
    this.#preparations.delete(prepared.id);
  }

  /** Process 1 has as many slots; refusing here keeps an id from being spent on its refusal. */
  #refuseWhenFull(): void {
    if (this.#commands.size + this.#preparations.size >= MAX_COMMANDS) throw new ChannelStartFailed('table', EAGAIN);
  }

  #commandHost(): CommandHost {
    const { outbox, now } = this.#host;
    const onForgotten = (id: number) => {
      this.#commands.delete(id);
      this.#preparations.delete(id);
    };
    return { outbox, now, onForgotten };
  }

  #add(command: Command): Command {
    this.#commands.set(command.id, command);
    return command;
  }

  /** After a takeover the ids above the greatest known one; ids of commands that are forgotten may come again. */
  #nextId(): number {
    do this.#lastId = this.#lastId + 1 < FIRST_CONNECTION_ID ? this.#lastId + 1 : 1;
    while (this.#commands.has(this.#lastId) || this.#preparations.has(this.#lastId));
    return this.#lastId;
  }
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw interrupted(signal);
}

function interrupted(signal: AbortSignal | undefined): PaddockError {
  return new PaddockError('INTERRUPTED', 'the command was cancelled before it had started', { cause: signal?.reason });
}
