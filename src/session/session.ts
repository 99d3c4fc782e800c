import type { AuditRecorder } from '../audit/audit-log.js';
import type { EgressRefusal } from '../core/egress.js';
import { SessionError } from '../core/errors.js';
import type { ExecRequest } from '../core/exec.js';
import type { SessionId } from '../core/ids.js';
import type { ProviderId } from '../core/providers.js';
import type { Clock } from '../kit/clock.js';
import { Disposables } from '../kit/disposables.js';
import type { CommandOptions } from '../sandbox/command/command.js';
import type { Sandbox } from '../sandbox/sandbox.js';
import { AgentRuns } from './agents/agent-runs.js';
import type { AgentRun } from './agents/types.js';
import type { SessionBroker } from './broker/session-broker.js';
import type { GivenKeys } from './broker/take-keys.js';
import type { DiskSpace } from './disk/disk-space.js';
import type { SessionEgress } from './egress/session-egress.js';
import { endedIdle, idleWords, sessionEnded } from './ended.js';
import type { Idleness } from './idleness.js';
import { Notices } from './notices.js';
import type { SessionRecord } from './record.js';
import { type SessionCommand, waitFor } from './session-command.js';
import { SessionCommands } from './session-commands.js';
import type { SessionLog } from './session-log.js';
import { TransferJobs } from './transfers/transfer-jobs.js';
import { type BedrockWishes, WaysOut, type WaysOutParts } from './ways-out.js';

interface SessionParts extends WaysOutParts {
  readonly record: SessionRecord;
  readonly sandbox: Sandbox;
  readonly log: SessionLog;
  readonly audit: AuditRecorder;
  readonly clock: Clock;
  readonly idleness: Idleness;
  readonly notes: readonly string[];
  /** What it adds to the disk; the session disposes it. Absent where nothing there can be written. */
  readonly disk?: DiskSpace | undefined;
}

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
  readonly #waysOut: WaysOut;
  readonly #commands: SessionCommands;
  readonly #log: SessionLog;
  readonly #audit: AuditRecorder;
  readonly #clock: Clock;
  readonly #held = new Disposables();
  readonly #visitors = new Disposables();
  readonly #ending = new AbortController();
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
    this.#waysOut = new WaysOut(parts);
    const { record, sandbox, log, clock, idleness, disk } = parts;
    const refusedSince = (atMs: number) => this.refusedSince(atMs);
    const id = record.id as SessionId;
    this.#commands = new SessionCommands({ id, sandbox, log, clock, idleness, disk, refusedSince });
    if (parts.disk !== undefined) this.#held.use(parts.disk);
    this.#visitors.use(this.#waysOut);
  }

  get egress(): SessionEgress | undefined {
    return this.#waysOut.egress;
  }

  /** Undefined as long as nobody has asked for one. */
  get broker(): SessionBroker | undefined {
    return this.#waysOut.broker;
  }

  /** What its broker was given with the request; printing it gives no key away. */
  get keys(): GivenKeys {
    return this.#waysOut.keys;
  }

  /** What `create_session` was told for runs on Amazon Bedrock. */
  get bedrock(): BedrockWishes {
    return this.#waysOut.bedrock;
  }

  /** The region for which its broker signs; undefined where nothing says one. Errors: BAD_CONFIG. */
  async bedrockRegion(): Promise<string | undefined> {
    return await this.#waysOut.bedrockRegion();
  }

  /** A broker that has these providers, with the keys of the session or of this process. Errors: SESSION_ENDED, those of `SessionBrokers.ensure`. */
  async ensureBroker(providers: readonly ProviderId[]): Promise<SessionBroker> {
    this.#refuseEnded();
    return this.#waysOut.ensureBroker(providers);
  }

  /** What was refused to its programs at that time (milliseconds since the epoch) or later, on every way out. */
  refusedSince(atMs: number): readonly EgressRefusal[] {
    return this.#waysOut.refusedSince(atMs);
  }

  /** As it stands in the store, too. */
  get record(): SessionRecord {
    return this.#record;
  }

  get id(): SessionId {
    return this.record.id as SessionId;
  }

  get commands(): readonly SessionCommand[] {
    return this.#commands.all;
  }

  /** Fires when the session begins to end. */
  get ending(): AbortSignal {
    return this.#ending.signal;
  }

  get liveCommands(): number {
    return this.#commands.live;
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
    return this.#commands.start(request, options, audit);
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
    return this.#commands.get(commandId);
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
    await this.#commands.takeOver(this.#audit);
  }

  /** Gives up a detached session and leaves it running, with its commands: another process may hold it from now on. */
  async letGo(): Promise<void> {
    this.#commands.letGo();
    await this.transfers[Symbol.asyncDispose]();
    await this.#visitors[Symbol.asyncDispose]();
    await this.sandbox.letGo();
    // Over the engine's exec they end when they do, which nobody here waits for.
    if (this.sandbox.commandPath !== 'exec') await this.#commands.settled();
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
    await this.#commands.settled();
    await this.#visitors[Symbol.asyncDispose]();
    await this.#log[Symbol.asyncDispose]();
    await this.#held[Symbol.asyncDispose]();
  }

  #refuseEnded(): void {
    if (this.idleness.isOver) throw endedIdle(this.id, this.idleness.timeoutMs);
    if (!this.sandbox.alive) throw sessionEnded(this.id);
  }
}
