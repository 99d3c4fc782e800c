import type { ExecRequest, ExecResult } from '../../core/exec.js';
import type { CommandId } from '../../core/ids.js';
import type { Command, CommandOptions, CommandPlace } from './command.js';
import { CommandOutput } from './command-output.js';

/** A command whose program could not be run: it ended before it began, with a shell's exit code and a line that says why. */
export class NeverStarted implements Command {
  readonly id: CommandId;
  readonly request: ExecRequest;
  readonly startedAtMs: number;
  readonly output: CommandOutput;
  readonly result: Promise<ExecResult>;

  constructor(
    { id, request, place }: { readonly id: CommandId; readonly request: ExecRequest; readonly place: CommandPlace },
    options: CommandOptions,
    exitCode: 126 | 127,
    line: string,
  ) {
    this.id = id;
    this.request = request;
    this.startedAtMs = place.clock.now();
    this.output = new CommandOutput(request, options.onOutput, () => undefined);
    this.result = this.#said(exitCode, line);
    this.result.catch(() => undefined);
  }

  async end(): Promise<void> {
    await this.result;
  }

  async signal(): Promise<void> {
    await this.result;
  }

  async resize(): Promise<void> {
    await this.result;
  }

  async #said(exitCode: number, line: string): Promise<ExecResult> {
    await this.output.take('stderr', Buffer.from(line));
    const usage = { durationMs: 0 };
    return { exitCode, reason: 'exited', ...this.output.captured(), usage, strays: 0 };
  }
}
