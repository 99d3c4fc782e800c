import type { AuditRecorder } from '../audit/audit-log.js';
import { audited } from '../audit/audited.js';
import { SessionError } from '../core/errors.js';
import { isSessionId, type SessionId } from '../core/ids.js';
import { containerNamePrefix } from '../core/labels.js';
import type { SandboxSpec } from '../core/spec.js';
import { Disposables } from '../kit/disposables.js';
import type { ProcessIdentity } from '../kit/process-identity.js';
import { newSessionId, randomBase32 } from '../kit/random-id.js';
import { type CreateContext, decideCreate } from '../policy/create.js';
import { type CreateAllowed, toPolicyDenied } from '../policy/verdict.js';
import { type ApprovedPath, createSandbox, SandboxLeft, type SandboxMaker } from '../sandbox/create.js';
import type { Sandbox } from '../sandbox/sandbox.js';
import { approveHostPath } from '../workspace/approve.js';
import { refuseOverlap } from '../workspace/binds.js';
import type { Claim } from './control/claim.js';
import { claimSession } from './control/claim-session.js';
import { serveControl, visitor } from './control/server.js';
import type { SessionRecord } from './record.js';
import { describe, identityOf, recordedSpec, textOf } from './record-parts.js';
import { Session } from './session.js';
import { SessionLog } from './session-log.js';
import type { RecordStore } from './store.js';

export interface SessionsOptions {
  readonly maker: SandboxMaker;
  readonly store: RecordStore;
  readonly audit: AuditRecorder;
  readonly policy: CreateContext;
  readonly owner: ProcessIdentity;
  /** attached: sessions end with this process; detached: they outlive it and end at their deadline. */
  readonly kind: 'attached' | 'detached';
  readonly version: string;
}

interface Made {
  readonly record: SessionRecord;
  readonly sandbox: Sandbox;
  readonly notes: readonly string[];
  readonly held: Claim;
}

/**
 * The sessions of one owner. Creating writes the record before the engine hears of it, so whatever a crash leaves is
 * known to be ours. Disposing ends every attached session. Only this object's own sessions can be reached through it.
 */
export class Sessions implements AsyncDisposable {
  readonly #options: SessionsOptions;
  readonly #live = new Map<SessionId, Session>();
  readonly #pending = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();
  readonly #left = new Set<SessionRecord>();
  #making = 0;

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  get list(): readonly Session[] {
    return [...this.#live.values()];
  }

  /**
   * Makes a session from a caller's request (any JSON: it is parsed here). Errors: PolicyDenied, LIMIT_REACHED, the
   * errors of `createSandbox`, AUDIT_UNWRITABLE, STATE_UNWRITABLE.
   */
  async create(request: unknown, signal?: AbortSignal): Promise<Session> {
    const both = AbortSignal.any([this.#closing.signal, ...(signal === undefined ? [] : [signal])]);
    both.throwIfAborted();
    const id = newSessionId();
    const creating = audited(this.#options.audit, {
      action: 'session.create',
      session: id,
      details: { request: textOf(request) },
      run: async () => this.#create(id, request, both),
      describe: (session) => describe(session.record),
      undo: (session) => this.#end(session),
    });
    this.#pending.add(creating);
    try {
      return await creating;
    } finally {
      this.#pending.delete(creating);
    }
  }

  /** The session of that id, if it is one of ours. Errors: NO_SUCH_SESSION. */
  get(id: string): Session {
    const session = isSessionId(id) ? this.#live.get(id) : undefined;
    if (session === undefined) throw new SessionError('NO_SUCH_SESSION', 'there is no such session here');
    return session;
  }

  /** Ends a session; false when there was none (any more). Idempotent. Errors: AUDIT_UNWRITABLE, EngineError. */
  async destroy(id: string): Promise<boolean> {
    const session = isSessionId(id) ? this.#live.get(id) : undefined;
    if (session === undefined) return false;
    await audited(this.#options.audit, {
      action: 'session.destroy',
      session: session.id,
      run: () => this.#end(session),
    });
    return true;
  }

  /** Ends what is being made and every session, in parallel; what fails is left to `prune` and rethrown. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled(this.#pending);
    await this.#removeLeft();
    if (this.#options.kind === 'detached') {
      await Promise.all(this.list.map((session) => session.letGo()));
      this.#live.clear();
      return;
    }
    const results = await Promise.allSettled(this.list.map((session) => this.destroy(session.id)));
    const failed = results.filter((r) => r.status === 'rejected').map((r): unknown => r.reason);
    if (failed.length > 0) throw failed[0];
  }

  async #create(id: SessionId, request: unknown, signal: AbortSignal): Promise<Session> {
    const verdict = decideCreate(request, this.#options.policy);
    if (verdict.verdict === 'deny') throw toPolicyDenied(verdict);
    await this.#dropEnded();
    this.#refuseTooMany();
    this.#making += 1;
    try {
      await this.#removeLeft();
      return await this.#make(id, verdict, signal);
    } finally {
      this.#making -= 1;
    }
  }

  async #make(id: SessionId, verdict: CreateAllowed, signal: AbortSignal): Promise<Session> {
    const { store, maker } = this.#options;
    const approved = await this.#approve(verdict.spec);
    const record = this.#newRecord(id, verdict.spec, approved, verdict.name);
    await store.save(record);
    await using undo = new Disposables();
    try {
      await store.makeChannelFolder(id);
      // Ours before anybody else can see that it runs.
      const held = undo.use(await claimSession(store, id));
      await this.#refuseOverlaps(record, approved);
      const sandbox = await createSandbox(
        maker,
        verdict.spec,
        approved,
        identityOf(record, store, maker.callerUid, this.#options.version),
        signal,
      );
      const session = await this.#register({ record, sandbox, notes: verdict.notes, held });
      undo.move();
      return session;
    } catch (error) {
      if (error instanceof SandboxLeft) this.#left.add(record);
      else await store.remove(id);
      throw error;
    }
  }

  /** What creations left because the engine had gone; what fails again stays for the next time, or for `prune`. */
  async #removeLeft(): Promise<void> {
    const { maker, store } = this.#options;
    for (const record of this.#left) {
      const isGone = await maker.engine.removeContainer(record.containerName).then(
        () => true,
        () => false,
      );
      if (!isGone) continue;
      await store.remove(record.id as SessionId);
      this.#left.delete(record);
    }
  }

  async #register({ record, sandbox, notes, held }: Made): Promise<Session> {
    const { containerId, initPid, namespace, initStartTicks, evidence } = sandbox.handle;
    const running: SessionRecord = {
      ...record,
      state: 'running',
      container: { id: containerId, initPid, namespace, initStartTicks },
      evidence: { controls: [...evidence.controls], readAtMs: evidence.readAtMs },
    };
    try {
      await this.#options.store.save(running);
    } catch (error) {
      await sandbox[Symbol.asyncDispose]();
      throw error;
    }
    const log = new SessionLog(this.#options.store.logPath(record.id as SessionId));
    const { audit, maker } = this.#options;
    const session = new Session({ record: running, sandbox, log, audit, clock: maker.clock, notes });
    try {
      session.openTo(await this.#letVisitorsIn(session, held), held);
    } catch (error) {
      await session.end();
      throw error;
    }
    this.#live.set(session.id, session);
    return session;
  }

  /** Other processes of this user may look into the session while this one holds it. */
  async #letVisitorsIn(session: Session, held: Claim): Promise<AsyncDisposable> {
    const { audit, policy, maker } = this.#options;
    const { sitePolicy } = policy;
    return serveControl(held, { session, sitePolicy, audit: audit.forCaller(visitor), clock: maker.clock });
  }

  async #end(session: Session): Promise<void> {
    await session.end();
    // Their outcomes belong into the audit log while it is open.
    await Promise.allSettled(session.commands.map((command) => command.settled));
    await this.#options.store.remove(session.id);
    this.#live.delete(session.id);
  }

  /** Sessions that reached their deadline, or whose process 1 was killed, do not count and leave no record. */
  async #dropEnded(): Promise<void> {
    const ended = this.list.filter((session) => !session.sandbox.alive);
    // One that the engine will not remove just now must not keep others from being made.
    await Promise.allSettled(ended.map((session) => this.destroy(session.id)));
  }

  #refuseTooMany(): void {
    const { maxSessions } = this.#options.policy.sitePolicy;
    if (this.#live.size + this.#making >= maxSessions) {
      throw new SessionError('LIMIT_REACHED', `${maxSessions} sessions are open already, which is the limit`, {
        info: { ruleId: 'sessions.limit', maxSessions },
      });
    }
  }

  async #approve(spec: SandboxSpec): Promise<ApprovedPath[]> {
    const { approval } = this.#options.maker;
    return Promise.all(
      spec.mounts.map(async (mount) => ({ mount: await approveHostPath(mount, approval), target: mount.target })),
    );
  }

  /**
   * Our record is on the disk before we look at the others', so of two that start at once at least one sees the
   * other. Both may then be refused; neither is let in.
   */
  async #refuseOverlaps(record: SessionRecord, approved: readonly ApprovedPath[]): Promise<void> {
    if (record.writableRoots.length === 0) return;
    const { records } = await this.#options.store.list();
    const taken = records.filter((r) => r.id !== record.id).flatMap((r) => r.writableRoots);
    for (const { mount } of approved) refuseOverlap(mount, taken);
  }

  #newRecord(id: SessionId, spec: SandboxSpec, approved: readonly ApprovedPath[], name?: string): SessionRecord {
    const { owner, kind, maker } = this.#options;
    const now = maker.clock.now();
    const { kind: engine, socketPath, startedByUs } = maker.engine.identity;
    return {
      version: 1,
      id,
      nonce: randomBase32(26),
      ...(name === undefined ? {} : { name }),
      state: 'creating',
      kind,
      owner: { ...owner },
      createdAtMs: now,
      deadlineAtMs: now + spec.lifetimeMs,
      engine: { kind: engine, socketPath, startedByUs },
      containerName: `${containerNamePrefix}${id.slice(4, 16)}`,
      writableRoots: approved
        .filter(({ mount }) => !mount.readOnly)
        .map(({ mount: { source, dev, ino } }) => ({ source, dev, ino })),
      spec: recordedSpec(spec),
      commandPath: maker.commandPath,
    };
  }
}
