import type { Logger } from 'pino';
import type { AuditRecorder } from '../audit/audit-log.js';
import { version } from '../core/version.js';
import type { OverallLimits } from '../keys/key-limits.js';
import { systemClock } from '../kit/clock.js';
import { buildServer } from '../mcp/server.js';
import type { Culprit } from '../monitor/alarms/burst.js';
import type { Monitoring } from '../monitor/monitoring.js';
import type { Admission } from '../session/admission.js';
import type { Session } from '../session/session.js';
import type { Sessions } from '../session/sessions.js';
import { allTools } from '../tools/all-tools.js';
import type { ToolServices } from '../tools/services.js';
import { toolsOf } from '../tools/tool-groups.js';
import type { Tracer } from '../tracing/tracer.js';
import type { App } from './app.js';
import { letIn } from './call-gate.js';
import { Endings } from './endings.js';
import { endOf, type HttpCaller, meterOne, noCounts, type Rights } from './http-caller.js';
import { KeptCounts } from './kept-counts.js';
import { monitoringFor } from './monitoring-for.js';
import { sealWaitMs } from './server-ground.js';
import { toolServices } from './tool-services.js';

export interface HttpCallersOptions {
  readonly app: App;
  readonly monitoring: Monitoring;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Logger;
  readonly tracer?: Pick<Tracer, 'calls' | 'visits' | 'decided'> | undefined;
  /** What all keys share. */
  readonly overall: OverallLimits;
  /** Lets work begin, or throws; what check_host begins excepted, which says why. */
  readonly admit?: (() => Promise<void>) | undefined;
  /** Done before the first session of anybody, once it succeeds. */
  readonly prepare: () => Promise<void>;
}

/**
 * Who is served over HTTP. Each key has sessions, layers, snapshots and a policy of its own, made when it is first used, so that nothing of one
 * can be reached through another. Disposing ends the sessions of all of them.
 */
export class HttpCallers implements AsyncDisposable {
  readonly #options: HttpCallersOptions;
  readonly #callers = new Map<string, HttpCaller>();
  readonly #kept = new KeptCounts();
  readonly #endings: Endings<HttpCaller>;
  /** The server's own, which take room from nobody unseen. */
  #own: Sessions | undefined;
  #admission: Promise<Admission> | undefined;
  #prepared: Promise<void> | undefined;

  constructor(options: HttpCallersOptions) {
    this.#options = options;
    this.#endings = new Endings({
      endOf,
      hasLeft: ({ sessions }) => sessions?.list.some(({ sandbox }) => sandbox.alive) ?? false,
      onFailure: ({ grant: { id, name } }, err) =>
        options.log.warn({ err, key: name, id }, 'not all sessions of a key could be ended; that is tried again'),
    });
  }

  /** All sessions there are. */
  get sessions(): readonly Session[] {
    return this.#all.flatMap(({ list }) => list);
  }

  get #all(): readonly Sessions[] {
    return this.#withLeaving.flatMap(({ sessions }) => sessions ?? []);
  }

  /** With those of whose sessions something is left. */
  get #withLeaving(): readonly HttpCaller[] {
    return [...this.#callers.values(), ...this.#endings.all];
  }

  /** Whether a server that ends now takes something from somebody: a session, or from the operator what a key has used up. */
  async isInUse(): Promise<boolean> {
    if (this.sessions.length > 0) return true;
    const limits = [this.#options.overall, this.#kept, ...[...this.#callers.values()].map((caller) => caller.limits)];
    return (await Promise.all(limits.map((one) => one.wouldForget()))).includes(true);
  }

  /** See `App.closeOpenings`. */
  closeOpenings(): void {
    for (const { app } of this.#withLeaving) app.closeOpenings();
  }

  /** What the log calls it; the log itself where nobody is known. */
  async auditOf(id: string | undefined): Promise<AuditRecorder> {
    const caller = id === undefined ? undefined : this.#callers.get(id);
    return caller?.audit ?? (await this.#options.app.audit());
  }

  /** Has what is needed at hand for whoever gets that, and returns their name here. */
  async welcome(grant: Rights): Promise<string> {
    if (!this.#callers.has(grant.id)) {
      const app = this.#options.app.forKey(grant.id, grant.ceiling);
      const audit = await app.audit();
      // Another request of theirs may have come first.
      if (!this.#callers.has(grant.id)) {
        const counts = this.#kept.take(grant.id) ?? noCounts(grant, this.#options);
        const nothing = { sessions: undefined, services: undefined, stopped: new WeakSet<object>() };
        this.#callers.set(grant.id, { grant, app, audit, ...counts, ...nothing });
      }
    }
    return grant.id;
  }

  /** Sessions of the server itself, under one judge of room with all the others. Errors: those of an engine that is away. */
  async ownSessions(): Promise<Sessions> {
    this.#own ??= await this.#options.app.sessions('attached', { admission: await this.#admit() });
    return this.#own;
  }

  /** A server with the tools of that key. */
  serverFor(id: string) {
    const caller = this.#require(id);
    const { log, monitoring, tracer, admit } = this.#options;
    const { limits, meter } = caller;
    const allowed = toolsOf(caller.grant.tools);
    return buildServer({
      version,
      tools: allTools.filter(({ name }) => allowed.has(name)),
      audit: caller.audit,
      isScoped: caller.grant.isScoped ?? false,
      trace: tracer?.calls,
      gate: (tool) =>
        letIn({ limits, meter, live: () => caller.sessions?.list ?? [], admit, clock: systemClock }, tool),
      services: () => {
        // An engine that is started later is found by the next call.
        caller.services ??= this.#services(caller).catch((error: unknown) => {
          caller.services = undefined;
          throw error;
        });
        return caller.services;
      },
      onFailure: (tool, err) => {
        log.info({ tool, err, key: caller.grant.name }, 'a call failed');
        monitoring.denials.failed(err, asCulprit(caller));
      },
    });
  }

  /** Counts a request, undefined: of nobody known; milliseconds until the next one where there were too many. */
  rate(id: string | undefined): Promise<number | undefined> {
    return id === undefined ? this.#options.overall.stranger() : this.#require(id).limits.request();
  }

  /** Adds up what sessions have used, and ends the commands of keys that have used all they may. */
  async meter(): Promise<void> {
    for (const caller of this.#withLeaving) {
      try {
        meterOne(caller);
      } catch (err) {
        // A server short of descriptors, say: what others have used counts all the same.
        this.#options.log.warn({ err, key: caller.grant.name }, 'what a key has used could not be read');
      }
    }
    await this.#kept.settle();
  }

  /**
   * Parts with those whose key or tokens are good no more, and has their sessions end, which nobody waits for here: the end of one can take long, and the
   * quotas and the next revocation can not wait. `hear` is told who they are before that: with a new token they may come again, and be somebody new, but
   * for what they have used up.
   */
  async sweep(isGood: (id: string) => Promise<boolean>, hear: (gone: ReadonlySet<string>) => Promise<void>) {
    this.#endings.again();
    const gone = new Map<string, HttpCaller>();
    let unjudged: unknown;
    for (const [id, caller] of [...this.#callers]) {
      const isStill = await isGood(id).catch((error: unknown) => {
        // Whose key can't be read for once has not lost it; and the others have.
        unjudged = error;
        return true;
      });
      if (!isStill && this.#callers.get(id) === caller) gone.set(id, caller);
    }
    for (const [id, caller] of gone) {
      this.#callers.delete(id);
      this.#endings.expect(caller);
      this.#kept.keep(id, { limits: caller.limits, meter: caller.meter });
    }
    try {
      await hear(new Set(gone.keys()));
    } finally {
      for (const caller of gone.values()) {
        this.#options.log.info({ key: caller.grant.name }, 'a key is good no more; ending its sessions');
        this.#endings.begin(caller);
      }
    }
    if (unjudged !== undefined)
      throw new Error('of some nobody could say whether their key is good', { cause: unjudged });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#callers.values()];
    this.#callers.clear();
    this.#endings.again();
    const ends = await Promise.allSettled([this.#endings.settled(), ...all.map(endOf)]);
    // What they did last counts for the day, which goes on with the next server.
    for (const { limits, meter } of all) limits.use(meter.read([]));
    await this.#kept.settle();
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  #require(id: string): HttpCaller {
    const caller = this.#callers.get(id);
    if (caller === undefined) throw new Error('nobody of that name was welcomed');
    return caller;
  }

  #admit(): Promise<Admission> {
    const all = () => (this.#own === undefined ? this.#all : [...this.#all, this.#own]);
    this.#admission ??= this.#options.app.processAdmission(all);
    return this.#admission;
  }

  async #services(caller: HttpCaller): Promise<ToolServices> {
    const { monitoring, env, tracer } = this.#options;
    this.#prepared ??= this.#options.prepare().catch((error: unknown) => {
      this.#prepared = undefined;
      throw error;
    });
    await this.#prepared;
    // Nobody who sits at the server is asked over a key, and its own working directory is nobody's project here.
    const admission = await this.#admit();
    const sessions =
      caller.sessions ??
      (await caller.app.sessions('attached', {
        ...{ monitoring, admission, sealWaitMs },
        ...{ onDecided: tracer?.decided, traceVisit: tracer?.visits },
        gate: (...open) => caller.limits.create(...open),
        growGate: () => caller.limits.grow(),
      }));
    if (this.#callers.get(caller.grant.id) !== caller) {
      // Their key has gone meanwhile: nobody would end what is made now.
      await sessions[Symbol.asyncDispose]();
      throw new Error('nobody of that name is served any more');
    }
    caller.sessions = sessions;
    const own = { sessions, monitoring: monitoringFor(monitoring, asCulprit(caller)), env, defaultProject: undefined };
    const services = await toolServices(caller.app, own);
    // So many as the key may have are what its holder is told.
    const maxSessions = Math.min(services.sitePolicy.maxSessions, caller.grant.quota.sessions);
    return { ...services, sitePolicy: { ...services.sitePolicy, maxSessions } };
  }
}

function asCulprit({ grant: { id, name } }: HttpCaller): Culprit {
  return { id, name: `key ${name}` };
}
