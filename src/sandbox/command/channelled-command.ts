import { constants } from 'node:os';
import type { Channel, ChannelCommand, ChannelExit, CommandSinks } from '../../channel/types.js';
import type { ExecRequest, ExecResult, ExitReason, Usage } from '../../core/exec.js';
import type { CommandId } from '../../core/ids.js';
import { deferred } from '../../kit/deferred.js';
import { type CgroupCounters, counted, readCounters } from '../../monitor/command-counters.js';
import type { CommandCgroup } from '../cgroups/command-cgroup.js';
import {
  type Command,
  type CommandOptions,
  type CommandPlace,
  forcedExitCodes,
  graceMsFor,
  type SignalScope,
  type TerminalSize,
} from './command.js';
import { CommandOutput } from './command-output.js';
import { wordsFor } from './ended-because.js';
import { feed, hasInput } from './feed.js';
import { signalNameOf } from './signals.js';

interface Identity {
  readonly id: CommandId;
  readonly request: ExecRequest;
  readonly place: CommandPlace;
  readonly before: CgroupCounters;
  /** Its own, where commands have one; removed at its end. */
  readonly own: CommandCgroup | undefined;
}

/**
 * One command over the channel. Process 1 keeps its timeout, ends its tree and says how it ended; this gathers the rest. Made
 * before it is started, because output may come in one piece with the news that it runs.
 */
export class ChannelledCommand implements Command {
  readonly id: CommandId;
  readonly request: ExecRequest;
  readonly output: CommandOutput;
  readonly result: Promise<ExecResult>;
  readonly #identity: Identity;
  readonly #options: CommandOptions;
  readonly #madeAtMs: number;
  readonly #startedAt: number;
  readonly #settled = deferred<ExecResult>();
  #running: ChannelCommand | undefined;
  #reason: ExitReason | undefined;
  readonly #over = new AbortController();
  #isEnding = false;

  constructor(identity: Identity, options: CommandOptions) {
    const { clock } = identity.place;
    this.id = identity.id;
    this.request = identity.request;
    this.#identity = identity;
    this.#options = options;
    this.#madeAtMs = clock.now();
    this.#startedAt = clock.monotonic();
    this.output = new CommandOutput(identity.request, options.onOutput, () => void this.end('output-limit'));
    this.result = this.#settled.promise;
  }

  /** What the channel gives its output to. */
  get sinks(): CommandSinks {
    return { onOutput: (stream, chunk) => this.output.take(stream, chunk) };
  }

  get startedAtMs(): number {
    return this.#running?.startedAtMs ?? this.#madeAtMs;
  }

  /** Takes over the running command; from here on `result` settles. */
  run(running: ChannelCommand, channel: Channel): void {
    this.#running = running;
    this.#follow(running, channel).then(this.#settled.resolve, this.#settled.reject);
    // What was asked while it was being started, an output limit reached in its first words, say.
    if (this.#reason !== undefined) this.#tellEnd(running);
  }

  async end(reason: ExitReason): Promise<void> {
    this.#reason ??= reason;
    if (this.#running === undefined) return;
    this.#tellEnd(this.#running);
    await this.result.catch(() => undefined);
  }

  signal(signalNumber: number, scope: SignalScope): Promise<void> {
    this.#running?.signal(signalNumber, scope);
    return Promise.resolve();
  }

  resize({ rows, columns }: TerminalSize): Promise<void> {
    this.#running?.resize(rows, columns);
    return Promise.resolve();
  }

  #tellEnd(running: ChannelCommand): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    const graceMs = graceMsFor(this.#reason);
    running.end(graceMs);
    this.#killAfter(graceMs);
  }

  /** Besides what process 1 does: from its cgroup nothing escapes, however it forks. */
  #killAfter(delayMs: number): void {
    const { own, place } = this.#identity;
    if (own === undefined) return;
    place.clock.sleep(delayMs, this.#over.signal).then(
      () => own.kill(),
      () => undefined,
    );
  }

  async #follow(running: ChannelCommand, channel: Channel): Promise<ExecResult> {
    const { signal } = this.#options;
    const onAbort = () => void this.end('aborted');
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    const endFeed = this.#feed(running);
    if (this.request.timeoutMs > 0) this.#killAfter(this.request.timeoutMs + graceMsFor('timeout'));
    try {
      // Without an exit the sandbox has ended under it, which is an end like any other.
      const exit = await running.exited.catch(() => undefined);
      const why = exit === undefined ? wordsFor(await channel.ended) : undefined;
      const result = this.#resultOf(exit, why);
      // Without an exit it may run on, for the next holder; or its cgroup goes with the sandbox's.
      if (exit !== undefined) void this.#identity.own?.leave();
      return result;
    } finally {
      endFeed();
      this.#over.abort();
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Returns what ends it. */
  #feed(running: ChannelCommand): () => void {
    if (!hasInput(this.request, this.#options)) return () => undefined;
    const over = new AbortController();
    const input = { write: (chunk: Buffer) => running.write(chunk), end: () => running.endInput() };
    void feed(input, this.request, this.#options, over.signal);
    return () => over.abort();
  }

  #resultOf(exit: ChannelExit | undefined, outputError: string | undefined): ExecResult {
    const usage = this.#usage(exit);
    const reason = this.#reason ?? reasonOf(exit, usage, this.#identity.own !== undefined);
    const exitCode = forcedExitCodes[reason] ?? ownExitCode(exit);
    const signal = reason === 'exited' || reason === 'lost' ? signalNameOf(signalOf(exit)) : undefined;
    return {
      exitCode,
      ...(signal === undefined ? {} : { signal }),
      reason,
      ...this.output.captured(),
      usage,
      strays: exit?.strays ?? 0,
      ...(outputError === undefined ? {} : { outputError }),
    };
  }

  #usage(exit: ChannelExit | undefined): Usage {
    const { before, place, own } = this.#identity;
    const shared = { ...counted(before, readCounters(place.cgroup, before)), ...own?.usage() };
    if (exit === undefined) return { durationMs: Math.round(place.clock.monotonic() - this.#startedAt), ...shared };
    return {
      durationMs: Math.round(exit.durationUs / 1000),
      userCpuMs: exit.userUs / 1000,
      systemCpuMs: exit.systemUs / 1000,
      ...(exit.peakBytes > 0 ? { peakProcessBytes: exit.peakBytes } : {}),
      ...shared,
    };
  }
}

function reasonOf(exit: ChannelExit | undefined, usage: Usage, isOwn: boolean): ExitReason {
  if (exit === undefined) return 'session-ended';
  if (exit.cause === 'timeout') return 'timeout';
  if (exit.how === 'lost') return 'lost';
  // Its own cgroup is killed as a whole. Another's kill would be counted in the sandbox's.
  return (usage.oomKills ?? 0) > 0 && (isOwn || ownExitCode(exit) === 137) ? 'oom' : 'exited';
}

/** As shells have it: 128 and the signal. */
function ownExitCode(exit: ChannelExit | undefined): number {
  return exit?.how === 'exited' ? (exit.status ?? 0) : 128 + signalOf(exit);
}

/** What was lost, or ended with its sandbox, was killed in the end. 0: it exited by itself. */
function signalOf(exit: ChannelExit | undefined): number {
  if (exit?.how === 'exited') return 0;
  return exit?.signal ?? constants.signals.SIGKILL;
}
