import type { AuditIntent, AuditRecorder } from '../audit/audit-log.js';
import { plain, redactArgv, redactEnv } from '../audit/redaction.js';
import type { EgressRefusal } from '../core/egress.js';
import { SessionError, toPaddockError } from '../core/errors.js';
import type { ExecRequest, ExecResult } from '../core/exec.js';
import { type CommandId, isCommandId, type SessionId } from '../core/ids.js';
import type { Clock } from '../kit/clock.js';
import { newCommandId } from '../kit/random-id.js';
import type { Command, CommandOptions } from '../sandbox/command/command.js';
import type { OutputSink } from '../sandbox/command/command-output.js';
import type { Sandbox } from '../sandbox/sandbox.js';
import type { DiskSpace } from './disk/disk-space.js';
import { EndedCommands } from './ended-commands.js';
import type { Idleness } from './idleness.js';
import { NoWayOut } from './no-way-out.js';
import { describeResult } from './record-parts.js';
import type { SessionCommand } from './session-command.js';
import type { SessionLog } from './session-log.js';

export interface CommandParts {
  readonly id: SessionId;
  readonly sandbox: Sandbox;
  readonly log: SessionLog;
  readonly clock: Clock;
  readonly idleness: Idleness;
  readonly disk: DiskSpace | undefined;
  /** What was refused to the session's programs at that time (milliseconds since the epoch) or later. */
  readonly refusedSince: (atMs: number) => readonly EgressRefusal[];
}

/** By the engine's exec each costs the engine two processes and a connection. */
const maxLiveCommands = { fifo: 64, attach: 64, exec: 16 } as const;
/** What those that run may come to hold in memory, of one session: twice as much as so many of them with the usual caps. */
const maxLiveBytes = 64 * 1024 ** 2;

/** The commands of one session, from their first line in the audit log to their last. They end with the sandbox, which is not ours. */
export class SessionCommands {
  readonly #parts: CommandParts;
  readonly #noWayOut: NoWayOut | undefined;
  readonly #commands = new Map<CommandId, SessionCommand>();
  readonly #ended = new EndedCommands();
  /** What the engine has not taken yet: it counts, or many at once would all pass the check. */
  readonly #starting = new Set<ExecRequest>();
  #isLetGo = false;

  constructor(parts: CommandParts) {
    this.#parts = parts;
    this.#noWayOut = NoWayOut.of(parts.sandbox.handle);
  }

  get all(): readonly SessionCommand[] {
    return [...this.#commands.values()];
  }

  get live(): number {
    return this.all.filter((c) => c.outcome === undefined).length;
  }

  /** The command of that id. Errors: NO_SUCH_COMMAND. */
  get(commandId: string): SessionCommand {
    const entry = isCommandId(commandId) ? this.#commands.get(commandId) : undefined;
    if (entry === undefined) throw new SessionError('NO_SUCH_COMMAND', 'there is no such command in this session');
    return entry;
  }

  /** Errors: those of `Session.start`, but for the session's own end. */
  async start(request: ExecRequest, options: CommandOptions, audit: AuditRecorder): Promise<SessionCommand> {
    const { disk, id, idleness } = this.#parts;
    await disk?.admit(id);
    this.#refuseTooMany(request);
    this.#starting.add(request);
    const over = idleness.begin();
    const written = disk?.begin(() => undefined);
    try {
      return await this.#start(request, options, audit);
    } finally {
      over();
      written?.();
      this.#starting.delete(request);
    }
  }

  /** Follows those that were running when the session's holder went away. Errors: AUDIT_UNWRITABLE. */
  async takeOver(audit: AuditRecorder): Promise<void> {
    const { id: session, sandbox } = this.#parts;
    for (const command of await sandbox.takenOver(newCommandId, this.#sink())) {
      const details = { command: plain(command.id) };
      this.#register(command, await audit.intent('command.take-over', { session, details }));
    }
  }

  /** From now on those that end with the channel are taken to run on, for another holder. */
  letGo(): void {
    this.#isLetGo = true;
  }

  /** Resolves when all of them have ended, and the audit log says so. */
  async settled(): Promise<void> {
    await Promise.all(this.all.map((command) => command.settled));
  }

  #refuseTooMany(request: ExecRequest): void {
    const most = maxLiveCommands[this.#parts.sandbox.commandPath];
    const running = this.all.filter((c) => c.outcome === undefined).map(({ command }) => command.request);
    const live = [...running, ...this.#starting];
    if (live.length >= most) {
      throw new SessionError('LIMIT_REACHED', `${most} commands run in this session already`, {
        hint: 'Wait for one to end, or stop one with stop_command.',
      });
    }
    if ([...live, request].reduce((sum, one) => sum + mayHold(one), 0) > maxLiveBytes) {
      const what = `the commands that run in this session keep up to ${maxLiveBytes} bytes of output and standard input already`;
      throw new SessionError('LIMIT_REACHED', what, {
        hint: 'Wait for one to end, stop one with stop_command, or ask for a smaller outputCap.',
      });
    }
  }

  async #start(request: ExecRequest, options: CommandOptions, audit: AuditRecorder): Promise<SessionCommand> {
    const id = newCommandId();
    const intended = audit.intent('command.run', {
      session: this.#parts.id,
      details: { command: plain(id), ...redactArgv(request.argv), env: redactEnv(request.env ?? {}) },
    });
    let command: Command;
    try {
      // Looks while the intent goes to the disk, and starts when it is there.
      command = await this.#parts.sandbox.start(id, request, this.#logged(id, request, options), intended);
    } catch (error) {
      // Rejects where it was the intent that failed: then nothing was done, and nothing is to be recorded.
      const intent = await intended;
      await intent.outcome(toPaddockError(error).code);
      throw error;
    }
    return this.#register(command, await intended, options);
  }

  #register(command: Command, intent: AuditIntent, options: CommandOptions = {}): SessionCommand {
    const { disk, idleness } = this.#parts;
    const over = idleness.begin();
    const written = disk?.begin(() => void command.end('disk-limit').catch(() => undefined));
    const settled = this.#finish(command, intent, options).then((outcome) => {
      over();
      written?.();
      entry.outcome = outcome;
      for (const gone of options.isUnlogged === true ? [id] : this.#ended.add(entry)) this.#commands.delete(gone);
    });
    const { id, request, startedAtMs } = command;
    const entry: SessionCommand = { id, argv: request.argv, startedAtMs, command, settled };
    this.#commands.set(id, entry);
    return entry;
  }

  #logged(id: CommandId, request: ExecRequest, options: CommandOptions): CommandOptions {
    this.#note(id, JSON.stringify(request.argv));
    return options.isUnlogged === true ? options : { ...options, onOutput: this.#sink(options.onOutput) };
  }

  #sink(further?: OutputSink): OutputSink {
    return (stream, chunk) => {
      this.#parts.log.append(chunk);
      return further?.(stream, chunk);
    };
  }

  async #finish(
    command: Command,
    intent: AuditIntent,
    options: CommandOptions,
  ): Promise<NonNullable<SessionCommand['outcome']>> {
    try {
      const result = this.#explained(await command.result, command.startedAtMs, options);
      if (this.#isLetGo && result.reason === 'session-ended' && this.#parts.sandbox.alive)
        return await this.#leave(command, intent);
      this.#note(command.id, `ended: ${result.reason} ${result.exitCode}`);
      await intent.outcome('ok', { details: describeResult(result) });
      return { result };
    } catch (thrown) {
      const error = toPaddockError(thrown);
      this.#note(command.id, `ended: ${error.code}`);
      // When it is the log itself that fails, that is the error; the log refuses everything from now on.
      await intent.outcome(error.code).catch(() => undefined);
      return { error };
    }
  }

  #explained(result: ExecResult, startedAtMs: number, { isForgiving, isUnlogged }: CommandOptions): ExecResult {
    const { disk, refusedSince } = this.#parts;
    const blocked = refusedSince(startedAtMs);
    // One of ours that nobody sees must not use up what the next one is to be told.
    const tries = isUnlogged === true ? undefined : this.#noWayOut?.noteFor(result, isForgiving);
    const note = result.reason === 'disk-limit' ? disk?.words : tries;
    return {
      ...result,
      ...(note !== undefined && { note }),
      ...(blocked.length > 0 && { blocked }),
    };
  }

  /** Nobody here hears how it ends. */
  async #leave({ id }: Command, intent: AuditIntent): Promise<NonNullable<SessionCommand['outcome']>> {
    this.#note(id, 'runs on: its holder let the session go');
    await intent.outcome('ok', { details: { reason: plain('let-go') } });
    return { error: new SessionError('CHANNEL_UNAVAILABLE', 'its holder let the session go; the command runs on') };
  }

  #note(id: CommandId, how: string): void {
    this.#parts.log.append(`--- ${new Date(this.#parts.clock.now()).toISOString()} ${id} ${how}\n`);
  }
}

function mayHold({ outputCapBytes, stdin }: ExecRequest): number {
  return 2 * outputCapBytes + (stdin?.length ?? 0);
}
