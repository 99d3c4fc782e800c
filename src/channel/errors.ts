import { PaddockError } from '../core/errors.js';
import { safeLine } from '../kit/safe-text.js';
import type { failedStage } from './protocol.js';

/** The peer broke a rule of docs/channel.md. What it said is not to be trusted any more, so the channel ends. */
export class ChannelViolation extends PaddockError {
  constructor(rule: string) {
    super('CHANNEL_VIOLATION', `the channel's rules were broken from inside the sandbox: ${safeLine(rule)}`, {
      info: { rule: safeLine(rule) },
    });
  }
}

/** Nothing inside took the connection: `errno` says why, ECONNREFUSED (111) where nobody listens on that port. */
export class ChannelDialFailed extends PaddockError {
  readonly errno: number;

  constructor(port: number, errno: number) {
    super('CHANNEL_UNAVAILABLE', `nothing answers on the port ${port} inside (error ${errno})`, {
      info: { port, errno },
    });
    this.errno = errno;
  }
}

type StageName<T> = T extends `STAGE_${infer Name}` ? Lowercase<Name> : never;
export type FailedStage = StageName<keyof typeof failedStage>;

/** Process 1 could not start a command: `stage` says at which step, `errno` why. Nothing of it runs. */
export class ChannelStartFailed extends PaddockError {
  readonly stage: FailedStage;
  readonly errno: number;

  constructor(stage: FailedStage, errno: number) {
    super('COMMAND_NOT_RUN', `the command could not be started (${stage}, error ${errno})`, { info: { stage, errno } });
    this.stage = stage;
    this.errno = errno;
  }
}
