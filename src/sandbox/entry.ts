import { lstatSync, mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { openChannel } from '../channel/channel.js';
import type { ChannelLink } from '../channel/link.js';
import { StreamLink } from '../channel/stream-link.js';
import { takeOverChannel } from '../channel/take-over.js';
import { PaddockError, SandboxError } from '../core/errors.js';
import type { CommandPath } from '../core/exec.js';
import type { Engine, ExecStreams } from '../engine/types.js';
import type { Clock } from '../kit/clock.js';
import { removeFolder } from '../kit/remove-folder.js';
import type { BindMount } from '../workspace/binds.js';
import { channelTarget } from './body/input.js';
import type { PipeMaker } from './pipe-maker.js';
import type { SandboxChannel } from './sandbox.js';

/** The way in for commands, prepared before the container is made. Its maker disposes it, until the sandbox has it. */
export interface Entry extends AsyncDisposable {
  readonly path: CommandPath;
  /** Further words of process 1's command line. */
  readonly initWords: readonly string[];
  readonly binds: readonly BindMount[];
  readonly stdinOpen: boolean;
  /** While the container is created, after the request for that has been sent. Errors: STATE_UNWRITABLE, CHANNEL_UNAVAILABLE. */
  prepare(): Promise<void>;
  /** Between creation and start. */
  attach(containerId: string): Promise<void>;
  /** After the start: resolves when process 1 has answered. Undefined where commands go through the engine. Errors: CHANNEL_UNAVAILABLE. */
  open(signal?: AbortSignal): Promise<SandboxChannel | undefined>;
}

export interface EntryOptions {
  readonly path: CommandPath;
  readonly engine: Engine;
  readonly clock: Clock;
  readonly pipes: PipeMaker;
  /** A folder of ours for this session alone; it need not exist. */
  readonly folder: string;
  readonly detached: boolean;
}

/** Errors: STATE_UNWRITABLE, CHANNEL_UNAVAILABLE. */
export async function prepareEntry(options: EntryOptions): Promise<Entry> {
  if (options.path === 'exec') return new EngineEntry();
  if (options.path === 'attach' && options.detached) {
    throw new SandboxError('CHANNEL_UNAVAILABLE', 'a channel over the attach stream ends with its process', {
      hint: 'Make detached sessions with channel = "fifo" or "exec".',
    });
  }
  if (options.path === 'attach') return new AttachEntry(options);
  return FifoEntry.make(options);
}

/**
 * The channel of a detached sandbox whose holder is gone. Undefined where commands go through the engine. Errors:
 * SESSION_ENDED, CHANNEL_UNAVAILABLE, INTERRUPTED.
 */
export async function reenter(
  path: CommandPath,
  folder: string,
  clock: Clock,
  signal?: AbortSignal,
): Promise<SandboxChannel | undefined> {
  if (path === 'exec') return undefined;
  if (path === 'attach') {
    throw new SandboxError('CHANNEL_UNAVAILABLE', 'a channel over the attach stream cannot be taken over', {
      hint: 'Make detached sessions with channel = "fifo" or "exec".',
    });
  }
  const channel = await takeOverChannel(folder, signal === undefined ? { clock } : { clock, signal });
  return { path, channel, release: () => removeFolder(folder) };
}

class EngineEntry implements Entry {
  readonly path = 'exec';
  readonly initWords = [];
  readonly binds = [];
  readonly stdinOpen = false;

  async prepare(): Promise<void> {
    // Nothing to make.
  }

  async attach(): Promise<void> {
    // Nothing to attach to.
  }

  open(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Nothing was made.
  }
}

class AttachEntry implements Entry {
  readonly path = 'attach';
  readonly initWords: readonly string[];
  readonly binds = [];
  readonly stdinOpen = true;
  readonly #options: EntryOptions;
  #streams: ExecStreams | undefined;

  constructor(options: EntryOptions) {
    this.#options = options;
    this.initWords = ['--channel', 'stdio'];
  }

  async prepare(): Promise<void> {
    // Nothing to make.
  }

  async attach(containerId: string): Promise<void> {
    this.#streams = await this.#options.engine.attachContainer(containerId);
  }

  async open(signal?: AbortSignal): Promise<SandboxChannel> {
    const streams = this.#streams;
    if (streams === undefined) throw new SandboxError('INTERNAL', 'the entry was not attached');
    streams.stderr.resume();
    const link = new StreamLink(streams.stdout, streams.stdin);
    const channel = await openChannel(link, {
      clock: this.#options.clock,
      ...(signal === undefined ? {} : { signal }),
    }).catch((error: unknown) => {
      throw withHint(error);
    });
    return { path: this.path, channel, release: () => this[Symbol.asyncDispose]() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#streams?.[Symbol.asyncDispose]();
  }
}

/** An SELinux policy that denies the engine's pipes swaps them for /dev/null, which ends the channel at once. */
function withHint(error: unknown): unknown {
  if (!(error instanceof PaddockError) || error.code !== 'CHANNEL_UNAVAILABLE') return error;
  return new SandboxError(error.code, error.message, {
    hint:
      'Set `channel = "fifo"`, which needs no pipe of the engine; where SELinux enforces, its policy may keep containers ' +
      'from those: see `Where SELinux enforces` in docs/enforcement.md.',
    cause: error,
  });
}

/** For what was asked of the engine to be on its way; less than an engine takes to make a container. */
const headStartMs = 2;

class FifoEntry implements Entry {
  readonly path = 'fifo';
  readonly initWords: readonly string[];
  readonly binds: readonly BindMount[];
  readonly stdinOpen = false;
  readonly #options: EntryOptions;
  readonly #shared: string;
  #making: Promise<ChannelLink> | undefined;

  private constructor(options: EntryOptions, shared: string, bind: BindMount) {
    this.#options = options;
    this.#shared = shared;
    this.binds = [bind];
    this.initWords = ['--channel', 'fifo', ...(options.detached ? ['--detached'] : [])];
  }

  static async make(options: EntryOptions): Promise<FifoEntry> {
    const { folder } = options;
    const shared = join(folder, 'io');
    try {
      mkdirSync(shared, { recursive: true, mode: 0o700 });
      const source = realpathSync(shared);
      const { dev, ino } = lstatSync(source, { bigint: true });
      const bind = {
        source,
        dev: String(dev),
        ino: String(ino),
        kind: 'folder' as const,
        target: channelTarget,
        readOnly: true,
      };
      return new FifoEntry(options, shared, bind);
    } catch (cause) {
      await removeFolder(folder).catch(() => undefined);
      throw noPipes(folder, cause);
    }
  }

  async prepare(): Promise<void> {
    this.#making = this.#makePipes();
    await this.#making;
  }

  async attach(): Promise<void> {
    // Process 1 opens the pipes by itself.
  }

  async open(signal?: AbortSignal): Promise<SandboxChannel> {
    if (this.#making === undefined) throw new SandboxError('INTERNAL', 'the entry was not prepared');
    const channel = await openChannel(await this.#making, {
      clock: this.#options.clock,
      ...(signal === undefined ? {} : { signal }),
    });
    return { path: this.path, channel, release: () => this[Symbol.asyncDispose]() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const link = await this.#making?.catch(() => undefined);
    await link?.[Symbol.asyncDispose]();
    await removeFolder(this.#options.folder);
  }

  /** The first time a program is started, which holds up a process as large as ours for milliseconds: the engine can work meanwhile. */
  async #makePipes(): Promise<ChannelLink> {
    const { folder, pipes } = this.#options;
    await this.#options.clock.sleep(headStartMs);
    try {
      return await pipes.open(this.#shared, { hostFolder: folder });
    } catch (cause) {
      throw noPipes(folder, cause);
    }
  }
}

function noPipes(folder: string, cause: unknown): SandboxError {
  return new SandboxError('STATE_UNWRITABLE', `the channel's pipes could not be made in ${folder}`, { cause });
}
