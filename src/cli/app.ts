import type { AuditLog, AuditRecorder } from '../audit/audit-log.js';
import type { ForwardState } from '../audit/forward/forwarder.js';
import { heardAudit, type OnRecord } from '../audit/heard-audit.js';
import type { Config } from '../config/load.js';
import { narrowed } from '../config/narrow.js';
import type { KeyCeiling } from '../core/api-key.js';
import { LookupTurns } from '../egress/lookup-turns.js';
import { type HeardCall, heardEngine } from '../engine/heard-engine.js';
import { openEngine } from '../engine/open.js';
import type { Engine } from '../engine/types.js';
import { systemClock } from '../kit/clock.js';
import { Disposables } from '../kit/disposables.js';
import { ownIdentity, type ProcessIdentity } from '../kit/process-identity.js';
import type { CreateContext } from '../policy/create.js';
import { CgroupKeeper } from '../sandbox/cgroups/cgroup-keeper.js';
import { stageInit } from '../sandbox/init-binary.js';
import type { SandboxMaker } from '../sandbox/maker.js';
import type { Admission } from '../session/admission.js';
import type { KeySources } from '../session/broker/provider-routes.js';
import { runsAnywhere } from '../session/egress/sibling-names.js';
import { Siblings } from '../session/egress/siblings.js';
import { isAliveAround, refuseHeldFolder } from '../session/folder-hold.js';
import { processAdmission } from '../session/process-admission.js';
import type { Sessions } from '../session/sessions.js';
import type { SessionsOptions } from '../session/sessions-options.js';
import { RecordStore } from '../session/store.js';
import { userAdmission } from '../session/user-admission.js';
import type { ApprovalContext } from '../workspace/approve.js';
import { Openings } from '../workspace/sealed/openings.js';
import type { Unpacked } from '../workspace/sealed/seals.js';
import { approvalHere } from './approval-here.js';
import { builtInit } from './built-init.js';
import { createContext } from './create-context.js';
import { makerHere } from './maker-here.js';
import { openAuditLog } from './open-audit-log.js';
import { sealingHere } from './sealing-here.js';
import { type SessionsWishes, sessionsHere } from './sessions-here.js';
import { callerUid } from './settings.js';

/** Who hears of every audit record and every request to the engine. */
export interface AppHeard {
  readonly onRecord: OnRecord;
  readonly onCall: (call: HeardCall) => void;
  /** The audit log begins to be forwarded in vain, or arrives again. */
  readonly onForward: (state: ForwardState) => void;
}

/** The App whose engine and log this one uses, and the key it acts for. */
interface Behalf {
  readonly app: App;
  readonly apiKey: string;
}

interface AppMeans {
  readonly heard?: AppHeard | undefined;
  readonly behalf?: Behalf | undefined;
  /** Of another App of the same caller. */
  readonly siblings?: Siblings;
  /** How long a call waits for what is opened of what is encrypted; absent: until it is. */
  readonly openWaitMs?: number | undefined;
}

/**
 * Everything a command may need, made when first asked for and given back together. The audit log comes first: where
 * it can't be written, nothing else is opened.
 */
export class App implements AsyncDisposable {
  readonly config: Config;
  readonly store: RecordStore;
  readonly lookupTurns: LookupTurns;
  /** The sessions of one caller that see each other, on whatever engine. */
  readonly siblings: Siblings;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether whoever made a session lives; a server in a container knows it of others as well. */
  isAlive: (owner: ProcessIdentity) => Promise<boolean>;
  readonly #heard: AppHeard | undefined;
  readonly #stack = new Disposables();
  readonly #parent: App | undefined;
  readonly #openWaitMs: number | undefined;
  readonly #openings: Openings<Unpacked>;
  #audit: Promise<AuditRecorder> | undefined;
  #engine: Promise<Engine> | undefined;
  #cgroups: Promise<CgroupKeeper> | undefined;

  constructor(
    config: Config,
    env: Readonly<Record<string, string | undefined>>,
    { heard, behalf, siblings, openWaitMs }: AppMeans = {},
  ) {
    this.config = config;
    this.env = env;
    this.#heard = heard;
    this.#parent = behalf?.app;
    this.isAlive = (owner) => behalf?.app.isAlive(owner) ?? isAliveAround(config.stateDir, owner);
    this.lookupTurns = behalf?.app.lookupTurns.forKey() ?? new LookupTurns();
    this.#openWaitMs = openWaitMs;
    const openings = this.#stack.use(new Openings<Unpacked>({ clock: systemClock, waitMs: openWaitMs }));
    this.#openings = openings;
    const sealing = sealingHere(config, { env, builtInit, audit: () => this.audit(), openings });
    this.store = new RecordStore(config.stateDir, config.runtimeDir, systemClock, { apiKey: behalf?.apiKey, sealing });
    // Never those of the app on whose behalf: keys see nothing of each other.
    this.siblings =
      siblings ?? new Siblings((name) => runsAnywhere(this.store, name, ({ apiKey }) => apiKey === this.store.apiKey));
  }

  /**
   * The same for the holder of a key: by the stricter of both policies, of what there is only what belongs to that key, and in the audit log under
   * its name. The engine and the log are this one's; it is disposed of before it.
   */
  forKey(apiKey: string, ceiling: KeyCeiling): App {
    const behalf = { app: this, apiKey };
    const means = { heard: this.#heard, behalf, openWaitMs: this.#openWaitMs };
    return new App(narrowed(this.config, ceiling), this.env, means);
  }

  /** Removes what is opened of what is encrypted and nobody waits for: a server that ends may not come to be disposed of in time. */
  closeOpenings(): void {
    this.#openings.close();
  }

  audit(): Promise<AuditRecorder> {
    const { apiKey: keyHash } = this.store;
    this.#audit ??=
      keyHash === undefined || this.#parent === undefined
        ? this.#openAudit()
        : this.#parent.audit().then((log) => log.forCaller({ keyHash }));
    return this.#audit;
  }

  engine(): Promise<Engine> {
    if (this.#parent !== undefined) return this.#parent.engine();
    this.#engine ??= this.#openEngine().catch((error: unknown) => {
      // One that is started later is found by the next call.
      this.#engine = undefined;
      throw error;
    });
    return this.#engine;
  }

  /** The sessions of this process. The returned object is disposed with the app, before the engine. */
  async sessions(kind: SessionsOptions['kind'], wishes: SessionsWishes = {}): Promise<Sessions> {
    const { config, env, store, lookupTurns, siblings, keySources: keys } = this;
    const isAlive = (one: ProcessIdentity) => this.isAlive(one);
    const audit = await this.audit();
    const parts = { config, env, store, audit, kind, isAlive, keys, lookupTurns, siblings, making: this.maker() };
    return this.#stack.use(await sessionsHere(parts, wishes));
  }

  /** Judges what is given to sessions that this process only holds. */
  async admission(): Promise<Admission> {
    const { bootId } = await ownIdentity();
    const { store, isAlive } = this;
    return userAdmission({ store, policy: this.createContext(), clock: systemClock, bootId, isAlive });
  }

  /** Judges what is made by all the `Sessions` of this process together. */
  async processAdmission(all: () => readonly Sessions[]): Promise<Admission> {
    const owner = await ownIdentity();
    const { store, isAlive } = this;
    return processAdmission({ store, policy: this.createContext(), clock: systemClock, owner, isAlive }, all);
  }

  async maker(): Promise<SandboxMaker> {
    return await makerHere(this.engine(), {
      config: this.config,
      env: this.env,
      judgedBy: (engine) => this.approval(engine),
    });
  }

  /** For the commands of sandboxes that this process takes over. */
  cgroups(): Promise<CgroupKeeper> {
    this.#cgroups ??= stageInit(builtInit, this.config.stateDir).then((init) => new CgroupKeeper(init.source));
    return this.#cgroups;
  }

  /** `$XDG_RUNTIME_DIR`, or where it would be. */
  get userRuntimeDir(): string {
    return this.env['XDG_RUNTIME_DIR'] ?? `/run/user/${callerUid()}`;
  }

  /** Where keys for the credential broker may be found. */
  get keySources(): KeySources {
    return { environment: this.env, keyFile: this.config.keyFile };
  }

  createContext(): CreateContext {
    return createContext(this.config);
  }

  /** What host paths are judged by; with an engine, its socket is fenced off as well. */
  approval(engine?: Engine): ApprovalContext {
    // The holder of a key asks from elsewhere.
    return approvalHere(this.config, {
      engine,
      userRuntimeDir: this.userRuntimeDir,
      // Also what the policy names below a folder of the key's: what that is a link to is not in the key's folder.
      fixedRoots: this.#parent === undefined ? [] : this.config.sitePolicy.allowedRoots,
      siteRoots: (this.#parent ?? this).config.sitePolicy.allowedRoots,
      hidesOutside: this.#parent !== undefined,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
  }

  async #openAudit(): Promise<AuditLog> {
    const log = await openAuditLog(this.config, this.#heard?.onForward);
    const audit = this.#heard === undefined ? log : heardAudit(log, this.#heard.onRecord);
    return this.#stack.use(audit);
  }

  async #openEngine(): Promise<Engine> {
    await refuseHeldFolder(this.config.stateDir);
    const { rootfulAllowed, tcpAllowed } = this.config.sitePolicy;
    const engine = await openEngine({
      env: this.env,
      uid: callerUid(),
      endpoint: this.config.engine,
      policy: { rootfulAllowed, tcpAllowed },
    });
    return this.#stack.use(this.#heard === undefined ? engine : heardEngine(engine, this.#heard.onCall));
  }
}
