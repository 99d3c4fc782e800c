import type { AuditIntent, AuditRecorder } from '../audit/audit-log.js';
import { plain, redactArgv, redactEnv } from '../audit/redaction.js';
import type { EgressRefusal } from '../core/egress.js';
import { SessionError, toPaddockError } from '../core/errors.js';
import type { ExecRequest, ExecResult } from '../core/exec.js';
import { type CommandId, isCommandId, type SessionId } from '../core/ids.js';
import type { ProviderId } from '../core/providers.js';
import type { Clock } from '../kit/clock.js';
import { Disposables } from '../kit/disposables.js';
import { newCommandId } from '../kit/random-id.js';
import type { Command, CommandOptions } from '../sandbox/command/command.js';
import type { OutputSink } from '../sandbox/command/command-output.js';
import type { Sandbox } from '../sandbox/sandbox.js';
import { AgentRuns } from './agents/agent-runs.js';
import type { AgentRun } from './agents/types.js';
import { brokerWithoutChannel, type SessionBroker, type SessionBrokers } from './broker/session-broker.js';
import { noKeys } from './broker/take-keys.js';
import type { DiskSpace } from './disk/disk-space.js';
import type { SessionEgress } from './egress/session-egress.js';
import { endedIdle, idleWords, sessionEnded } from './ended.js';
import type { Idleness } from './idleness.js';
import { Notices } from './notices.js';
import type { SessionRecord } from './record.js';
import { describeResult } from './record-parts.js';
import { type SessionCommand, waitFor } from './session-command.js';
import type { SessionLog } from './session-log.js';
import { TransferJobs } from './transfers/transfer-jobs.js';

interface SessionParts {
  readonly record: SessionRecord;
  readonly sandbox: Sandbox;
  readonly log: SessionLog;
  readonly audit: AuditRecorder;
  readonly clock: Clock;
  readonly idleness: Idleness;
  readonly notes: readonly string[];
  /** What it adds to the disk; the session disposes it. Absent where nothing there can be written. */
  readonly disk?: DiskSpace | undefined;
  /** Its way out; the session disposes it. Absent where it has none. */
  readonly egress?: SessionEgress | undefined;
  /** Its credential broker, opened or not; the session disposes it. */
  readonly brokers?: SessionBrokers | undefined;
}

/** No secrets: how runs on Amazon Bedrock are to be. */
export interface BedrockWishes {
  readonly isAsked: boolean;
  readonly region: string | undefined;
  readonly model: string | undefined;
  readonly smallModel: string | undefined;
}

const keptCommands = 64;
/** By the engine's exec each costs the engine two processes and a connection. */
const maxLiveCommands = { fifo: 64, attach: 64, exec: 16 } as const;

/** One caller's lease on a sandbox: its commands, its log, its record. */
export class Session {
  readonly sandbox: Sandbox;
  readonly idleness: Idleness;
  /** What policy decided differently from the letter of the request. */
  readonly notes: readonly string[];
  readonly notices = new Notices();
  readonly disk: DiskSpace | undefined;
  /** Copies of files that go on by themselves. */
  readonly transfers: TransferJobs;
  readonly agents = new AgentRuns();
  readonly egress: SessionEgress | undefined;
  readonly #brokers: SessionBrokers | undefined;
  readonly #log: SessionLog;
  readonly #audit: AuditRecorder;
  readonly #clock: Clock;
  readonly #held = new Disposables();
  readonly #visitors = new Disposables();
  readonly #ending = new AbortController();
  readonly #commands = new Map<CommandId, SessionCommand>();
  /** Commands that the engine has not taken yet: they count, or many at once would all pass the check. */
  #starting = 0;
  #isLetGo = false;
  #isChanging = false;
  #record: SessionRecord;

  constructor(parts: SessionParts) {
    this.#record = parts.record;
    this.sandbox = parts.sandbox;
    this.#log = parts.log;
    this.#audit = parts.audit;
    this.#clock = parts.clock;
    this.idleness = parts.idleness;
    this.notes = parts.notes;
    this.disk = parts.disk;
    this.transfers = new TransferJobs(parts.clock);
    this.egress = parts.egress;
    this.#brokers = parts.brokers;
    if (parts.disk !== undefined) this.#held.use(parts.disk);
    if (parts.egress !== undefined) this.#visitors.use(parts.egress);
    if (parts.brokers !== undefined) this.#visitors.use(parts.brokers);
  }

  /** Undefined as long as nobody has asked for one. */
  get broker(): SessionBroker | undefined {
    return this.#brokers?.current;
  }

  /** What `create_session` was told for runs on Amazon Bedrock. */
  get bedrock(): BedrockWishes {
    const { useBedrock = false, awsRegion, bedrockModel, bedrockSmallModel } = this.#brokers?.given ?? noKeys;
    return { isAsked: useBedrock, region: awsRegion, model: bedrockModel, smallModel: bedrockSmallModel };
  }

  /** A broker that has these providers, with the keys of the session or of this process. Errors: those of `SessionBrokers.ensure`. */
  async ensureBroker(providers: readonly ProviderId[]): Promise<SessionBroker> {
    this.#refuseEnded();
    if (this.#brokers === undefined) throw brokerWithoutChannel();
    return this.#brokers.ensure(providers);
  }

  /** What was refused to its programs at that time (milliseconds since the epoch) or later, on every way out. */
  refusedSince(atMs: number): readonly EgressRefusal[] {
    return [...(this.egress?.refusedSince(atMs) ?? []), ...(this.broker?.refusedSince(atMs) ?? [])];
  }

  /** As it stands in the store, too. */
  get record(): SessionRecord {
    return this.#record;
  }

  get id(): SessionId {
    return this.record.id as SessionId;
  }

  get commands(): readonly SessionCommand[] {
    return [...this.#commands.values()];
  }

  /** Fires when the session begins to end. */
  get ending(): AbortSignal {
    return this.#ending.signal;
  }

  get liveCommands(): number {
    return this.commands.filter((c) => c.outcome === undefined).length;
  }

  /** Whether commands can run in it. */
  get isOpen(): boolean {
    return this.sandbox.alive && !this.idleness.isOver;
  }

  /** Why it ended, for people, as far as that is known. */
  get endedBecause(): string | undefined {
    return this.idleness.isOver ? idleWords(this.idleness.timeoutMs) : this.sandbox.endedBecause;
  }

  /**
   * Starts a command, recorded by `audit` (a visitor's commands under the visitor's name), and returns as soon as it runs. Errors: SESSION_ENDED, COMMAND_NOT_RUN, LIMIT_REACHED (64 at
   * once, or no room on the disk), AUDIT_UNWRITABLE, EngineError.
   */
  async start(
    request: ExecRequest,
    options: CommandOptions = {},
    audit: AuditRecorder = this.#audit,
  ): Promise<SessionCommand> {
    this.#refuseEnded();
    await this.disk?.admit(this.id);
    const most = maxLiveCommands[this.sandbox.commandPath];
    if (this.liveCommands + this.#starting >= most) {
      throw new SessionError('LIMIT_REACHED', `${most} commands run in this session already`, {
        hint: 'Wait for one to end, or stop one with stop_command.',
      });
    }
    this.#starting += 1;
    const over = this.idleness.begin();
    const written = this.disk?.begin(() => undefined);
    try {
      return await this.#start(request, options, audit);
    } finally {
      over();
      written?.();
      this.#starting -= 1;
    }
  }

  /** Runs one change of the session at a time, and none of one that is over. Errors: LIMIT_REACHED, SESSION_ENDED, those of `change`. */
  async changeAlone<T>(change: () => Promise<T>): Promise<T> {
    this.#refuseEnded();
    if (this.#isChanging) {
      throw new SessionError('LIMIT_REACHED', 'this session is being changed already', {
        hint: 'Call again when that is done; get_session, or `paddock inspect`, shows what it is then.',
      });
    }
    this.#isChanging = true;
    const over = this.idleness.begin();
    try {
      return await change();
    } finally {
      over();
      this.#isChanging = false;
    }
  }

  /** The session is from now on as this record says, which has been stored. */
  recordChange(record: SessionRecord): void {
    this.#record = record;
    this.idleness.timeoutMs = record.spec.idleTimeoutMs;
  }

  /** The command of that id. Errors: NO_SUCH_COMMAND. */
  get(commandId: string): SessionCommand {
    const entry = isCommandId(commandId) ? this.#commands.get(commandId) : undefined;
    if (entry === undefined) throw new SessionError('NO_SUCH_COMMAND', 'there is no such command in this session');
    return entry;
  }

  /** Waits until the command has ended, `waitMs` have passed or the signal fires; says whether it has ended. */
  wait(entry: SessionCommand, waitMs: number, signal?: AbortSignal): Promise<boolean> {
    return waitFor(entry, this.#clock, waitMs, signal);
  }

  /** The same for an agent, whose report is there a little later. */
  waitFor(run: Pick<AgentRun, 'settled' | 'outcome'>, waitMs: number, signal?: AbortSignal): Promise<boolean> {
    return waitFor(run, this.#clock, waitMs, signal);
  }

  /** Resolves when everything printed so far is in the log file. */
  async flushLog(): Promise<void> {
    await this.#log.flush();
  }

  /** Follows the commands that were running when the session's holder went away. Errors: AUDIT_UNWRITABLE. */
  async takeOver(): Promise<void> {
    for (const command of await this.sandbox.takenOver(newCommandId, this.#sink())) {
      const details = { command: plain(command.id) };
      this.#register(command, await this.#audit.intent('command.take-over', { session: this.id, details }));
    }
  }

  /** Gives up a detached session and leaves it running, with its commands: another process may hold it from now on. */
  async letGo(): Promise<void> {
    this.#isLetGo = true;
    await this.transfers[Symbol.asyncDispose]();
    await this.#visitors[Symbol.asyncDispose]();
    await this.sandbox.letGo();
    // Over the engine's exec they end when they do, which nobody here waits for.
    if (this.sandbox.commandPath !== 'exec') await Promise.all(this.commands.map((command) => command.settled));
    await this.#log[Symbol.asyncDispose]();
    await this.#held[Symbol.asyncDispose]();
  }

  /**
   * Takes over the socket that lets visitors in, what watches the session, and the claim that goes with it, which is given up
   * when nothing here touches the channel any more.
   */
  openTo(visitors: AsyncDisposable, claim: AsyncDisposable, watch: AsyncDisposable): void {
    this.#visitors.use(visitors);
    this.#visitors.use(watch);
    this.#held.use(claim);
  }

  /** Ends commands, container and log. The record is the registry's to remove. */
  async end(): Promise<void> {
    this.#ending.abort();
    const copies = this.transfers[Symbol.asyncDispose]();
    await this.sandbox[Symbol.asyncDispose]();
    // Nothing half copied is left on the host, and the audit log says how they ended.
    await copies;
    // Visitors hear the end of their commands before they are shown out.
    await Promise.allSettled(this.commands.map((command) => command.settled));
    await this.#visitors[Symbol.asyncDispose]();
    await this.#log[Symbol.asyncDispose]();
    await this.#held[Symbol.asyncDispose]();
  }

  async #start(request: ExecRequest, options: CommandOptions, audit: AuditRecorder): Promise<SessionCommand> {
    const id = newCommandId();
    const intended = audit.intent('command.run', {
      session: this.id,
      details: { command: plain(id), ...redactArgv(request.argv), env: redactEnv(request.env ?? {}) },
    });
    let command: Command;
    try {
      // Looks while the intent goes to the disk, and starts when it is there.
      command = await this.sandbox.start(id, request, this.#logged(id, request, options), intended);
    } catch (error) {
      // Rejects where it was the intent that failed: then nothing was done, and nothing is to be recorded.
      const intent = await intended;
      await intent.outcome(toPaddockError(error).code);
      throw error;
    }
    const entry = this.#register(command, await intended);
    if (options.isUnlogged === true) void entry.settled.then(() => this.#commands.delete(id));
    return entry;
  }

  #refuseEnded(): void {
    if (this.idleness.isOver) throw endedIdle(this.id, this.idleness.timeoutMs);
    if (!this.sandbox.alive) throw sessionEnded(this.id);
  }

  #register(command: Command, intent: AuditIntent): SessionCommand {
    const over = this.idleness.begin();
    const written = this.disk?.begin(() => void command.end('disk-limit').catch(() => undefined));
    const settled = this.#finish(command, intent).then((outcome) => {
      over();
      written?.();
      entry.outcome = outcome;
      this.#forgetOldest();
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
      this.#log.append(chunk);
      return further?.(stream, chunk);
    };
  }

  async #finish(command: Command, intent: AuditIntent): Promise<NonNullable<SessionCommand['outcome']>> {
    try {
      const result = this.#explained(await command.result, command.startedAtMs);
      if (this.#isLetGo && result.reason === 'session-ended' && this.sandbox.alive)
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

  #explained(result: ExecResult, startedAtMs: number): ExecResult {
    const blocked = this.refusedSince(startedAtMs);
    return {
      ...result,
      ...(result.reason === 'disk-limit' && this.disk && { note: this.disk.words }),
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
    this.#log.append(`--- ${new Date(this.#clock.now()).toISOString()} ${id} ${how}\n`);
  }

  #forgetOldest(): void {
    const finished = this.commands.filter((c) => c.outcome !== undefined);
    for (const old of finished.slice(0, Math.max(0, finished.length - keptCommands))) this.#commands.delete(old.id);
  }
}
