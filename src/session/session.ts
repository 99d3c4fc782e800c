import type { AuditIntent, AuditRecorder } from '../audit/audit-log.js';
import { plain, redactArgv, redactEnv } from '../audit/redaction.js';
import { type PaddockError, SessionError, toPaddockError } from '../core/errors.js';
import type { ExecRequest, ExecResult } from '../core/exec.js';
import { type CommandId, isCommandId, type SessionId } from '../core/ids.js';
import type { Clock } from '../kit/clock.js';
import { newCommandId } from '../kit/random-id.js';
import type { Command } from '../sandbox/command.js';
import type { CommandOptions } from '../sandbox/command-host.js';
import type { Sandbox } from '../sandbox/sandbox.js';
import type { SessionRecord } from './record.js';
import type { SessionLog } from './session-log.js';

/** A command of a session: running or finished, kept until newer ones push it out. */
export interface SessionCommand {
  readonly id: CommandId;
  readonly argv: readonly string[];
  readonly startedAtMs: number;
  readonly command: Command;
  /** Resolves, never rejects, once the command has ended and the audit log says so. */
  readonly settled: Promise<void>;
  /** Set when `settled` resolves. */
  outcome?: { readonly result: ExecResult } | { readonly error: PaddockError };
}

interface SessionParts {
  readonly record: SessionRecord;
  readonly sandbox: Sandbox;
  readonly log: SessionLog;
  readonly audit: AuditRecorder;
  readonly clock: Clock;
  readonly notes: readonly string[];
}

const keptCommands = 32;
const maxLiveCommands = 16;

/** One caller's lease on a sandbox: its commands, its log, its record. */
export class Session {
  readonly record: SessionRecord;
  readonly sandbox: Sandbox;
  /** What policy decided differently from the letter of the request. */
  readonly notes: readonly string[];
  readonly #log: SessionLog;
  readonly #audit: AuditRecorder;
  readonly #clock: Clock;
  readonly #commands = new Map<CommandId, SessionCommand>();
  /** Commands that the engine has not taken yet: they count, or many at once would all pass the check. */
  #starting = 0;

  constructor(parts: SessionParts) {
    this.record = parts.record;
    this.sandbox = parts.sandbox;
    this.#log = parts.log;
    this.#audit = parts.audit;
    this.#clock = parts.clock;
    this.notes = parts.notes;
  }

  get id(): SessionId {
    return this.record.id as SessionId;
  }

  get commands(): readonly SessionCommand[] {
    return [...this.#commands.values()];
  }

  get liveCommands(): number {
    return this.commands.filter((c) => c.outcome === undefined).length;
  }

  /**
   * Starts a command and returns as soon as it runs. Errors: SESSION_ENDED, COMMAND_NOT_RUN, LIMIT_REACHED (16 at
   * once), AUDIT_UNWRITABLE, EngineError.
   */
  async start(request: ExecRequest, options: CommandOptions = {}): Promise<SessionCommand> {
    if (!this.sandbox.alive) throw new SessionError('SESSION_ENDED', `session ${this.id} has ended`);
    if (this.liveCommands + this.#starting >= maxLiveCommands) {
      throw new SessionError('LIMIT_REACHED', `${maxLiveCommands} commands run in this session already`, {
        hint: 'Wait for one to end, or stop one with stop_command.',
      });
    }
    this.#starting += 1;
    try {
      return await this.#start(request, options);
    } finally {
      this.#starting -= 1;
    }
  }

  /** The command of that id. Errors: NO_SUCH_COMMAND. */
  get(commandId: string): SessionCommand {
    const entry = isCommandId(commandId) ? this.#commands.get(commandId) : undefined;
    if (entry === undefined) throw new SessionError('NO_SUCH_COMMAND', 'there is no such command in this session');
    return entry;
  }

  /** Waits until the command has ended, `waitMs` have passed or the signal fires; says whether it has ended. */
  async wait(entry: SessionCommand, waitMs: number, signal?: AbortSignal): Promise<boolean> {
    const timer = new AbortController();
    const onAbort = () => timer.abort();
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    const timeout = this.#clock.sleep(waitMs, timer.signal).catch(() => undefined);
    await Promise.race([entry.settled, timeout]);
    timer.abort();
    signal?.removeEventListener('abort', onAbort);
    return entry.outcome !== undefined;
  }

  /** Resolves when everything printed so far is in the log file. */
  async flushLog(): Promise<void> {
    await this.#log.flush();
  }

  /** Ends commands, container and log. The record is the registry's to remove. */
  async end(): Promise<void> {
    await this.sandbox[Symbol.asyncDispose]();
    await this.#log[Symbol.asyncDispose]();
  }

  async #start(request: ExecRequest, options: CommandOptions): Promise<SessionCommand> {
    const id = newCommandId();
    const intent = await this.#audit.intent('command.run', {
      session: this.id,
      details: { command: plain(id), ...redactArgv(request.argv), env: redactEnv(request.env ?? {}) },
    });
    let command: Command;
    try {
      command = await this.sandbox.start(id, request, this.#logged(id, request, options));
    } catch (error) {
      await intent.outcome(toPaddockError(error).code);
      throw error;
    }
    const settled = this.#finish(command, intent).then((outcome) => {
      entry.outcome = outcome;
      this.#forgetOldest();
    });
    const entry: SessionCommand = { id, argv: request.argv, startedAtMs: command.startedAtMs, command, settled };
    this.#commands.set(id, entry);
    return entry;
  }

  #logged(id: CommandId, request: ExecRequest, options: CommandOptions): CommandOptions {
    void this.#log.append(`--- ${new Date(this.#clock.now()).toISOString()} ${id} ${JSON.stringify(request.argv)}\n`);
    return {
      ...options,
      onOutput: async (stream, chunk) => {
        await this.#log.append(chunk);
        await options.onOutput?.(stream, chunk);
      },
    };
  }

  async #finish(command: Command, intent: AuditIntent): Promise<NonNullable<SessionCommand['outcome']>> {
    try {
      const result = await command.result;
      this.#note(command.id, `${result.reason} ${result.exitCode}`);
      await intent.outcome('ok', { details: summary(result) });
      return { result };
    } catch (thrown) {
      const error = toPaddockError(thrown);
      this.#note(command.id, error.code);
      // When it is the log itself that fails, that is the error; the log refuses everything from now on.
      await intent.outcome(error.code).catch(() => undefined);
      return { error };
    }
  }

  #note(id: CommandId, how: string): void {
    void this.#log.append(`--- ${new Date(this.#clock.now()).toISOString()} ${id} ended: ${how}\n`);
  }

  #forgetOldest(): void {
    const finished = this.commands.filter((c) => c.outcome !== undefined);
    for (const old of finished.slice(0, Math.max(0, finished.length - keptCommands))) this.#commands.delete(old.id);
  }
}

function summary(result: ExecResult) {
  return {
    exitCode: result.exitCode,
    reason: plain(result.reason),
    durationMs: result.usage.durationMs,
    stdoutBytes: result.stdout.totalBytes,
    stderrBytes: result.stderr.totalBytes,
    strays: result.strays,
  };
}
