import type { Channel } from '../../channel/types.js';
import type { CommandPath, ExecRequest } from '../../core/exec.js';
import type { CommandId } from '../../core/ids.js';
import type { Command, CommandOptions, CommandPlace } from './command.js';

/** Runs the commands of one sandbox. Disposing it ends none of them: the sandbox's end does. */
export interface CommandRunner extends AsyncDisposable {
  readonly path: CommandPath;
  /** Starts one; rejects with COMMAND_NOT_RUN, SESSION_ENDED or EngineError when it does not run. */
  start(id: CommandId, request: ExecRequest, place: CommandPlace, options: CommandOptions): Promise<Command>;
  /** Commands of a holder that went away; process 1 knows their timeouts, and nobody their words. */
  takenOver(newId: () => CommandId, place: CommandPlace, options: CommandOptions): Promise<readonly Command[]>;
  /** Tells process 1 when the sandbox ends, in CLOCK_BOOTTIME; resolves when it says that it will. Errors: UPDATE_UNSUPPORTED without a channel, SESSION_ENDED. */
  setDeadline(boottimeMs: number): Promise<void>;
  /** Has process 1 stop everything in the sandbox at once (`Channel.hold`); undefined without a channel. Errors: SESSION_ENDED. */
  readonly hold: (() => Promise<void>) | undefined;
  /** Listens inside (`Channel.listen`); undefined without a channel. */
  readonly listen: Channel['listen'] | undefined;
  /** Connects to a port inside (`Channel.dial`); undefined without a channel. */
  readonly dial: Channel['dial'] | undefined;
  /** After the sandbox's end: resolves when every command has its result. */
  settle(): Promise<void>;
  /** Why the sandbox ended, where process 1 told it. */
  readonly endedBecause: string | undefined;
  /** Whether process 1 went without a last word: not at its deadline, and not because it was asked to. */
  readonly wasKilled: boolean;
}
