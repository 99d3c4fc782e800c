import type { Logger } from 'pino';
import type { AuditRecorder } from '../audit/audit-log.js';
import { toPaddockError } from '../core/errors.js';
import { version } from '../core/version.js';
import type { Grant } from '../keys/key.js';
import { KeyLimits, type OverallLimits } from '../keys/key-limits.js';
import { buildServer } from '../mcp/server.js';
import type { Monitoring } from '../monitor/monitoring.js';
import type { Admission } from '../session/admission.js';
import { KeyMeter } from '../session/key-meter.js';
import type { Session } from '../session/session.js';
import type { Sessions } from '../session/sessions.js';
import { allTools } from '../tools/all-tools.js';
import type { ToolServices } from '../tools/services.js';
import { toolsOf } from '../tools/tool-groups.js';
import type { Tracer } from '../tracing/tracer.js';
import type { App } from './app.js';
import { letIn, lookAt } from './call-gate.js';
import { type Counts, KeptCounts } from './kept-counts.js';
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

/** What somebody gets, by a key or by a token. */
export interface Rights extends Pick<Grant, 'id' | 'name' | 'tools' | 'ceiling' | 'quota'> {
  /** Whether each call takes a scope of its token as well. */
  readonly isScoped?: boolean;
}

/** The holder of a key or of tokens, with all that is theirs and of nobody else. */
interface HttpCaller extends Counts {
  readonly grant: Rights;
  readonly app: App;
  readonly audit: AuditRecorder;
  sessions: Sessions | undefined;
  services: Promise<ToolServices> | undefined;
}

/**
 * Who is served over HTTP. Each key has sessions, layers, snapshots and a policy of its own, made when it is first used, so that nothing of one
 * can be reached through another. Disposing ends the sessions of all of them.
 */
export class HttpCallers implements AsyncDisposable {
  readonly #options: HttpCallersOptions;
  readonly #callers = new Map<string, HttpCaller>();
  readonly #kept = new KeptCounts();
  /** The server's own, which take room from nobody unseen. */
  #own: Sessions | undefined;
  #admission: Promise<Admission> | undefined;
  #prepared: Promise<void> | undefined;

  constructor(options: HttpCallersOptions) {
    this.#options = options;
  }

  /** All sessions there are. */
  get sessions(): readonly Session[] {
    return [...this.#callers.values()].flatMap(({ sessions }) => sessions?.list ?? []);
  }

  /** Whether a server that ends now takes something from somebody: a session, or from the operator what a key has used up. */
  async isInUse(): Promise<boolean> {
    if (this.sessions.length > 0) return true;
    const limits = [this.#options.overall, this.#kept, ...[...this.#callers.values()].map((caller) => caller.limits)];
    return (await Promise.all(limits.map((one) => one.isCounting()))).includes(true);
  }

  /** See `App.closeOpenings`. */
  closeOpenings(): void {
    for (const { app } of this.#callers.values()) app.closeOpenings();
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
        const counts = this.#kept.take(grant.id) ?? this.#noCounts(grant);
        this.#callers.set(grant.id, { grant, app, audit, ...counts, sessions: undefined, services: undefined });
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
      gate: (tool) => letIn({ limits, meter, live: () => caller.sessions?.list ?? [], admit }, tool),
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
        monitoring.denials.failed(err);
      },
    });
  }

  /** Counts a request; milliseconds until the next one where there were too many. */
  rate(id: string): Promise<number | undefined> {
    return this.#require(id).limits.request();
  }

  /** Adds up what sessions have used, and ends the commands of keys that have used all they may. */
  async meter(): Promise<void> {
    await Promise.all([this.#kept.settle(), ...[...this.#callers.values()].map((caller) => this.#meterOne(caller))]);
  }

  #noCounts({ quota }: Rights): Counts {
    return {
      limits: new KeyLimits(quota, this.#options.overall),
      meter: new KeyMeter((id) => this.#options.monitoring.stateOf(id).usage?.cpuUs),
    };
  }

  async #meterOne({ sessions, limits, meter }: HttpCaller): Promise<void> {
    const list = sessions?.list ?? [];
    await limits.use(meter.read(list));
    const refusal = await limits.refuseWork().catch((error: unknown) => toPaddockError(error));
    if (refusal === undefined) return;
    for (const session of list) {
      const atWork = session.commands.filter(({ outcome }) => outcome === undefined);
      if (atWork.length === 0) continue;
      session.notices.add(`its commands were ended: ${refusal.message}`);
      await Promise.allSettled(atWork.map(({ command }) => command.end('aborted')));
    }
  }

  /**
   * Parts with those whose key or tokens are good no more, and then ends their sessions. `hear` is told who they are in between, before anybody waits for
   * that: with a new token they may come again, and be somebody new, but for what they have used up.
   */
  async sweep(isGood: (id: string) => Promise<boolean>, hear: (gone: ReadonlySet<string>) => Promise<void>) {
    const gone = new Map<string, HttpCaller>();
    for (const [id, caller] of this.#callers) {
      if (await isGood(id)) continue;
      this.#callers.delete(id);
      this.#kept.keep(id, { limits: caller.limits, meter: caller.meter });
      gone.set(id, caller);
    }
    try {
      await hear(new Set(gone.keys()));
    } finally {
      for (const { grant } of gone.values()) {
        this.#options.log.info({ key: grant.name }, 'a key is good no more; ending its sessions');
      }
      const lists = [...gone.values()].map(({ meter, sessions }) => ({ meter, list: sessions?.list ?? [] }));
      try {
        await endAll([...gone.values()]);
      } finally {
        // Now that what they did last is in their counts; whoever has the meter by then reads it.
        for (const { meter, list } of lists) lookAt(meter, list);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#callers.values()];
    this.#callers.clear();
    await endAll(all);
  }

  #require(id: string): HttpCaller {
    const caller = this.#callers.get(id);
    if (caller === undefined) throw new Error('nobody of that name was welcomed');
    return caller;
  }

  #admit(): Promise<Admission> {
    this.#admission ??= this.#options.app.processAdmission(() =>
      [...[...this.#callers.values()].map(({ sessions }) => sessions), this.#own].filter((one) => one !== undefined),
    );
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
    caller.sessions ??= await caller.app.sessions('attached', {
      ...{ monitoring, admission: await this.#admit(), sealWaitMs },
      ...{ onDecided: tracer?.decided, traceVisit: tracer?.visits },
      gate: (...open) => caller.limits.create(...open),
    });
    const { sessions } = caller;
    const services = await toolServices(caller.app, { sessions, monitoring, env, defaultProject: undefined });
    // So many as the key may have are what its holder is told.
    const maxSessions = Math.min(services.sitePolicy.maxSessions, caller.grant.quota.sessions);
    return { ...services, sitePolicy: { ...services.sitePolicy, maxSessions } };
  }
}

/** Beside each other, so that one whose end hangs or fails keeps no other alive. */
async function endAll(callers: readonly HttpCaller[]): Promise<void> {
  const ends = await Promise.allSettled(callers.map(({ app }) => app[Symbol.asyncDispose]()));
  const failed = ends.find((end) => end.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}
