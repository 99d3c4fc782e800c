import { audited } from '../audit/audited.js';
import { plain } from '../audit/redaction.js';
import { SessionError } from '../core/errors.js';
import { isSessionId, type SessionId } from '../core/ids.js';
import { newSessionId } from '../kit/random-id.js';
import { decideCreate } from '../policy/create.js';
import { type CreateAllowed, toPolicyDenied } from '../policy/verdict.js';
import type { Admission } from './admission.js';
import { noKeySources } from './broker/provider-routes.js';
import { noKeys, refuseProfile, takeKeys } from './broker/take-keys.js';
import { carriedWish } from './broker/wish-like.js';
import { processAdmission } from './process-admission.js';
import { describe, textOf } from './record-parts.js';
import { SealingBehind } from './sealing-behind.js';
import type { Session } from './session.js';
import { SessionMaker } from './session-maker.js';
import type { SessionStart, SessionsOptions } from './sessions-options.js';
import { Starting, type StartingSession, type Waiting } from './starting.js';
import { updateSession } from './update.js';
import type { UpdateReport } from './update-report.js';

/**
 * The sessions of one owner. Creating writes the record before the engine hears of it, so whatever a crash leaves is
 * known to be ours. Disposing ends every attached session. Only this object's own sessions can be reached through it.
 */
export class Sessions implements AsyncDisposable {
  readonly #options: SessionsOptions;
  readonly #maker: SessionMaker;
  readonly #live = new Map<SessionId, Session>();
  readonly #pending = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();
  readonly #admission: Admission;
  readonly #starting: Starting;
  readonly #sealing: SealingBehind;

  constructor(options: SessionsOptions) {
    this.#options = options;
    const admission = options.admission ?? processAdmission({ ...options, clock: options.maker.clock }, () => [this]);
    this.#admission = admission.forKey(options.store.apiKey);
    // Visitors are the user, whoever has the session.
    this.#maker = new SessionMaker(options, admission);
    this.#starting = new Starting(options.maker.clock);
    this.#sealing = new SealingBehind({ clock: options.maker.clock, waitMs: options.sealWaitMs });
  }

  get list(): readonly Session[] {
    return [...this.#live.values()];
  }

  /** Those that are being made, and those of which that was said and that could not be: they can be given up by `destroy`. */
  get starting(): readonly StartingSession[] {
    return this.#starting.list.filter(({ id }) => !this.#live.has(id));
  }

  /**
   * Makes a session from a caller's request (any JSON: it is parsed here), with what another one has written where that is said. Errors: PolicyDenied, LIMIT_REACHED, the
   * errors of `createSandbox`, AUDIT_UNWRITABLE, STATE_UNWRITABLE.
   */
  async create(asked: unknown, signal?: AbortSignal, start: SessionStart = {}): Promise<Session> {
    const both = AbortSignal.any([this.#closing.signal, ...(signal === undefined ? [] : [signal])]);
    both.throwIfAborted();
    const taken = takeKeys(asked);
    if (this.#options.store.apiKey !== undefined) refuseProfile(taken.keys);
    const keys = taken.keys === noKeys ? (start.likeOf?.keys ?? noKeys) : taken.keys;
    const { request, notes } = await this.#likeAnother(taken.request, start);
    both.throwIfAborted();
    const { id = newSessionId() } = start;
    const creating = audited(this.#options.audit, {
      action: 'session.create',
      session: id,
      details: { request: textOf(request), from: plain(start.origin?.from ?? '') },
      run: async () => this.#create(id, request, both, { ...start, keys, notes }),
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

  /** As `create`, for who waits so long and no longer: then the making goes on, and `get` has the session, or says why there is none. Errors: also SESSION_STARTING. */
  async createWithin(asked: unknown, waiting: Waiting, start: SessionStart = {}): Promise<Session> {
    const id = newSessionId();
    return this.#starting.within(id, waiting, ({ signal, onProgress }) =>
      this.create(asked, signal, { ...start, id, onProgress }),
    );
  }

  /** The session of that id, if it is one of ours. Errors: NO_SUCH_SESSION, SESSION_STARTING, and why one could not be made of which that was said. */
  get(id: string): Session {
    const session = isSessionId(id) ? this.#live.get(id) : undefined;
    if (session === undefined) this.#starting.refuse(id);
    if (session === undefined) throw new SessionError('NO_SUCH_SESSION', 'there is no such session here');
    return session;
  }

  /** Changes times and limits of a session of ours. Errors: NO_SUCH_SESSION, those of `updateSession`. */
  async update(id: string, request: unknown, signal?: AbortSignal): Promise<UpdateReport> {
    const { store, audit, policy, maker, onDecided, growGate } = this.#options;
    const parts = { store, audit, policy, clock: maker.clock, admission: this.#admission, growGate, onDecided };
    return updateSession(this.get(id), request, parts, signal);
  }

  /**
   * Ends a session, or its making; false when there was none (any more). Where it is not done with encrypting what the session leaves for long, that
   * goes on. Idempotent. Errors: AUDIT_UNWRITABLE, EngineError.
   */
  async destroy(id: string): Promise<boolean> {
    const given = await this.#starting.stop(id);
    const session = isSessionId(id) ? this.#live.get(id) : undefined;
    if (session === undefined) return given;
    await this.#destroy(session);
    return true;
  }

  async #destroy(session: Session, sealMs?: number): Promise<void> {
    await audited(this.#options.audit, {
      action: 'session.destroy',
      session: session.id,
      details: { because: plain(this.#because(session)) },
      run: () => this.#end(session, sealMs),
    });
  }

  /** Ends what is being made and every session, in parallel; what fails is left to `prune` and rethrown. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    this.#sealing.close();
    await Promise.allSettled(this.#pending);
    await this.#maker.removeLeft();
    if (this.#options.kind === 'detached') {
      await Promise.all(this.list.map((session) => session.letGo()));
      this.#live.clear();
      return;
    }
    const results = await Promise.allSettled(this.list.map((session) => this.destroy(session.id)));
    await this.#sealing[Symbol.asyncDispose]();
    const failed = results.filter((r) => r.status === 'rejected').map((r): unknown => r.reason);
    if (failed.length > 0) throw failed[0];
  }

  async #create(
    id: SessionId,
    request: unknown,
    signal: AbortSignal,
    start: SessionStart & { readonly notes?: readonly string[] },
  ): Promise<Session> {
    const { policy, currentPolicy, onDecided } = this.#options;
    const startedMs = performance.now();
    const verdict = decideCreate(request, (await currentPolicy?.()) ?? policy);
    const rule = verdict.verdict === 'deny' ? verdict.ruleId : undefined;
    onDecided?.(verdict.verdict, rule, performance.now() - startedMs);
    if (verdict.verdict === 'deny') throw toPolicyDenied(verdict);
    const open = this.list.filter(({ sandbox }) => sandbox.alive);
    const passed = await this.#options.gate?.(open.length, this.#soonestEndMs(open));
    try {
      return await this.#admitted(id, verdict, signal, start);
    } finally {
      passed?.();
    }
  }

  /** How long until the first of them has to end; undefined: there is none. */
  #soonestEndMs(sessions: readonly Session[]): number | undefined {
    if (sessions.length === 0) return undefined;
    return Math.min(...sessions.map(({ record }) => record.deadlineAtMs)) - this.#options.maker.clock.now();
  }

  async #admitted(
    id: SessionId,
    verdict: CreateAllowed,
    signal: AbortSignal,
    start: SessionStart & { readonly notes?: readonly string[] },
  ): Promise<Session> {
    await this.#dropEnded();
    const { memoryBytes, cpuMillis } = verdict.spec.limits;
    const release = await this.#admission.admit({ id, memoryBytes, cpuMillis }, signal);
    try {
      await this.#maker.removeLeft();
      const said = { ...verdict, notes: [...verdict.notes, ...(start.notes ?? [])] };
      const session = await this.#maker.make(id, said, signal, start);
      this.#live.set(session.id, session);
      return session;
    } finally {
      release();
    }
  }

  /** A request like another session's with what that had its broker for, as far as it can be had; the rest is in the notes. */
  async #likeAnother(
    request: unknown,
    { likeOf }: SessionStart,
  ): Promise<{ request: unknown; notes: readonly string[] }> {
    if (likeOf === undefined || typeof request !== 'object') return { request, notes: [] };
    const { policy, maker, keys: sources = noKeySources } = this.#options;
    const parts = { sources, rules: policy.sitePolicy.broker, clock: maker.clock };
    const { wish, notes } = await carriedWish(likeOf, parts);
    const asked = Object.entries(wish).filter(([, names]) => names.length > 0);
    return { request: { ...request, ...Object.fromEntries(asked) }, notes };
  }

  #because({ idleness, sandbox, record }: Session): string {
    if (idleness.isOver) return 'idle';
    if (sandbox.alive) return this.#closing.signal.aborted ? 'closing' : 'asked';
    return record.deadlineAtMs <= this.#options.maker.clock.now() ? 'deadline' : 'gone';
  }

  async #end(session: Session, sealMs?: number): Promise<void> {
    await session.end();
    // Their outcomes belong into the audit log while it is open.
    await Promise.allSettled(session.commands.map((command) => command.settled));
    await this.#options.store.remove(session.id, (seal) => this.#sealing.within(seal, sealMs));
    this.#live.delete(session.id);
  }

  /** Sessions that reached their deadline, or whose process 1 was killed, do not count and leave no record. */
  async #dropEnded(): Promise<void> {
    const ended = this.list.filter((session) => !session.sandbox.alive);
    // One that the engine will not remove just now must not keep others from being made.
    await Promise.allSettled(ended.map((session) => this.#destroy(session, 0)));
  }
}
