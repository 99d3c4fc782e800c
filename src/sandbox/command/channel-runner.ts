import { constants } from 'node:os';
import { ChannelStartFailed } from '../../channel/errors.js';
import type { Channel } from '../../channel/types.js';
import { SandboxError } from '../../core/errors.js';
import type { CommandPath, ExecRequest } from '../../core/exec.js';
import type { CommandId } from '../../core/ids.js';
import { readCounters } from '../../monitor/command-counters.js';
import type { CommandCgroups } from '../cgroups/command-cgroups.js';
import { Seats } from '../cgroups/seats.js';
import { ChannelledCommand } from './channelled-command.js';
import { type Command, type CommandOptions, type CommandPlace, termGraceMs } from './command.js';
import { wordsFor } from './ended-because.js';
import { hasInput } from './feed.js';
import { commandMark } from './marked-processes.js';
import { NeverStarted } from './never-started.js';
import type { CommandRunner } from './runner.js';

/** RLIMIT_FSIZE, which the program can't raise again: the container itself may have more, so that an update can give more. */
const largestFile = (bytes: bigint) => ({ resource: 1, soft: bytes, hard: bytes });

/** What is said of a command that another process started. Its limits were that process's, its timeout is process 1's. */
const unknownRequest: ExecRequest = {
  argv: ['(started before its holder went away)'],
  timeoutMs: 0,
  outputCapBytes: 256 * 1024,
  outputLimitBytes: Number.MAX_SAFE_INTEGER,
};

interface Starting {
  readonly id: CommandId;
  readonly request: ExecRequest;
  readonly place: CommandPlace;
}

/** Commands over the sandbox's channel: no engine takes part. */
export class ChannelRunner implements CommandRunner {
  readonly path: CommandPath;
  readonly #channel: Channel;
  readonly #cgroups: Promise<CommandCgroups | undefined> | undefined;
  readonly #live = new Set<ChannelledCommand>();
  #seats: Seats | undefined;
  #endedBecause: string | undefined;
  #wasKilled = false;

  /** The runner disposes the channel. */
  constructor(path: CommandPath, channel: Channel, cgroups?: Promise<CommandCgroups | undefined>) {
    this.path = path;
    this.#channel = channel;
    this.#cgroups = cgroups?.then((found) => {
      if (found === undefined) return undefined;
      this.#seats = new Seats(channel, found);
      this.#seats.refill();
      return found;
    });
    void channel.ended.then((end) => {
      this.#endedBecause = wordsFor(end);
      this.#wasKilled = end.why === 'killed';
    });
  }

  get wasKilled(): boolean {
    return this.#wasKilled;
  }

  get endedBecause(): string | undefined {
    return this.#endedBecause;
  }

  async start(id: CommandId, request: ExecRequest, place: CommandPlace, options: CommandOptions): Promise<Command> {
    options.signal?.throwIfAborted();
    if (!this.#isOpen()) throw this.#gone();
    if (this.#seats === undefined) await this.#cgroups;
    try {
      const command = await this.#started({ id, request, place }, options);
      this.#follow(command);
      return command;
    } catch (thrown) {
      if (!(thrown instanceof ChannelStartFailed)) throw this.#isOpen() ? thrown : this.#gone(thrown);
      return notRun(thrown, { id, request, place }, options);
    } finally {
      this.#seats?.refill();
    }
  }

  async takenOver(newId: () => CommandId, place: CommandPlace, options: CommandOptions): Promise<readonly Command[]> {
    const cgroups = await this.#cgroups;
    return this.#channel.known.map((known) => {
      const what = { id: newId(), request: unknownRequest, place, before: {}, own: cgroups?.keptOf(known.id) };
      const command = new ChannelledCommand(what, options);
      command.run(this.#channel.attach(known.id, command.sinks), this.#channel);
      this.#follow(command);
      return command;
    });
  }

  readonly listen: Channel['listen'] = async (port, onConnection) => {
    if (!this.#isOpen()) throw this.#gone();
    return this.#channel.listen(port, onConnection);
  };

  readonly dial: Channel['dial'] = async (port, signal) => {
    if (!this.#isOpen()) throw this.#gone();
    return this.#channel.dial(port, signal);
  };

  readonly hold = async (): Promise<void> => {
    if (!this.#isOpen()) throw this.#gone();
    await this.#channel.hold();
  };

  async setDeadline(boottimeMs: number): Promise<void> {
    if (!this.#isOpen()) throw this.#gone();
    await this.#channel.setDeadline(boottimeMs);
  }

  async #started(what: Starting, options: CommandOptions, mayRepeat = true): Promise<ChannelledCommand> {
    const { id, request, place } = what;
    const seat = await this.#seats?.take();
    const own = seat?.cgroup;
    const command = new ChannelledCommand({ ...what, before: readCounters(place.cgroup), own }, options);
    const start = {
      argv: request.argv,
      env: { ...request.env, [commandMark]: id },
      cwd: place.cwd,
      timeoutMs: request.timeoutMs,
      graceMs: termGraceMs,
      stdin: hasInput(request, options),
      ...(options.terminal === undefined ? {} : { tty: options.terminal }),
      rlimits: place.fsizeBytes === undefined ? [] : [largestFile(BigInt(place.fsizeBytes))],
    };
    try {
      command.run(await this.#channel.start(start, command.sinks, undefined, seat?.prepared), this.#channel);
      return command;
    } catch (thrown) {
      void own?.leave();
      // What waited for it was killed by another command a moment ago: nothing has run.
      const isSeatGone = seat !== undefined && thrown instanceof ChannelStartFailed && thrown.stage === 'fork';
      if (!isSeatGone || !mayRepeat) throw thrown;
      return await this.#started(what, options, false);
    }
  }

  #follow(command: ChannelledCommand): void {
    this.#live.add(command);
    const forget = () => this.#live.delete(command);
    command.result.then(forget, forget);
  }

  async settle(): Promise<void> {
    await this.#channel[Symbol.asyncDispose]();
    await Promise.allSettled([...this.#live].map((command) => command.result));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#channel[Symbol.asyncDispose]();
  }

  /** A method, because it changes while we wait. */
  #isOpen(): boolean {
    return this.#channel.isOpen;
  }

  #gone(cause?: unknown): SandboxError {
    const why = this.#endedBecause === undefined ? '' : `: ${this.#endedBecause}`;
    return new SandboxError('SESSION_ENDED', `the sandbox has ended${why}`, { cause });
  }
}

/** A program that is not there, or can't be run, is a result like that of any shell; the rest is an error. */
function notRun(
  failed: ChannelStartFailed,
  what: Pick<Command, 'id' | 'request'> & { readonly place: CommandPlace },
  options: CommandOptions,
): Command {
  const { stage, errno } = failed;
  const name = errnoName(errno);
  if (stage !== 'exec' || name === 'E2BIG' || name === 'ENOMEM') {
    throw new SandboxError('COMMAND_NOT_RUN', `the command could not be started (${stage}: ${name})`, {
      info: { stage, errno },
      cause: failed,
    });
  }
  const isMissing = name === 'ENOENT' || name === 'ENOTDIR';
  const why = isMissing ? 'there is no such program' : `it can't be run (${name})`;
  return new NeverStarted(what, options, isMissing ? 127 : 126, `paddock: ${what.request.argv[0]}: ${why}\n`);
}

function errnoName(errno: number): string {
  return Object.entries(constants.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`;
}
