import { availableParallelism, homedir, totalmem, userInfo } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AuditLog, AuditRecorder } from '../audit/audit-log.js';
import type { ForwardState } from '../audit/forward/forwarder.js';
import { heardAudit, type OnRecord } from '../audit/heard-audit.js';
import { listLogFiles } from '../audit/log-files.js';
import { withApproved } from '../config/approved.js';
import { diskEffects } from '../config/effects.js';
import type { Config } from '../config/load.js';
import { narrowed } from '../config/narrow.js';
import { sandboxProfile } from '../confine/apparmor.js';
import { AppArmorRecords } from '../confine/apparmor-record.js';
import type { KeyCeiling } from '../core/api-key.js';
import { PaddockError } from '../core/errors.js';
import { version } from '../core/version.js';
import { LookupTurns } from '../egress/lookup-turns.js';
import { toolAsker } from '../egress/presets/ask-tool.js';
import { type HeardCall, heardEngine } from '../engine/heard-engine.js';
import { openEngine } from '../engine/open.js';
import type { Engine } from '../engine/types.js';
import { scanGate } from '../image/scan/scan-gate.js';
import { ScanStore } from '../image/scan/scan-store.js';
import { systemClock } from '../kit/clock.js';
import { Disposables } from '../kit/disposables.js';
import { isAlive, type ProcessIdentity, readProcessIdentity } from '../kit/process-identity.js';
import type { CreateContext } from '../policy/create.js';
import { CgroupKeeper } from '../sandbox/cgroups/cgroup-keeper.js';
import type { SandboxMaker } from '../sandbox/create.js';
import { activeSecurityModules, mappableIds } from '../sandbox/host-facts.js';
import { ImageStore } from '../sandbox/images.js';
import { stageInit } from '../sandbox/init-binary.js';
import { PipeMaker } from '../sandbox/pipe-maker.js';
import { stageSeccomp } from '../sandbox/seccomp-files.js';
import type { Admission } from '../session/admission.js';
import type { KeySources } from '../session/broker/provider-routes.js';
import { runsAnywhere } from '../session/egress/sibling-names.js';
import { Siblings } from '../session/egress/siblings.js';
import { refuseHeldFolder } from '../session/folder-hold.js';
import { processAdmission } from '../session/process-admission.js';
import { Sessions } from '../session/sessions.js';
import type { SessionsOptions } from '../session/sessions-options.js';
import { RecordStore } from '../session/store.js';
import { userAdmission } from '../session/user-admission.js';
import type { ApprovalContext } from '../workspace/approve.js';
import { hostFolderBinds, hostImageBinds } from '../workspace/host-binds.js';
import { buildHostImage } from '../workspace/host-image.js';
import { readHostLayout } from '../workspace/host-layout.js';
import { Overlays } from '../workspace/overlays.js';
import { shippedAppArmor } from './lsm-profiles.js';
import { openAuditLog } from './open-audit-log.js';
import { sealingHere } from './sealing-here.js';
import { callerUid } from './settings.js';
import { viewHere } from './view-here.js';

/** Where the build puts our process 1 for this machine's processor; a package has it for others too. */
export const builtInit = fileURLToPath(new URL(`../init/paddock-init-${process.arch}`, import.meta.url));

/** A file of the user's own tools. */
async function readText(path: string): Promise<string | undefined> {
  const file = await diskEffects.readFile(path, true).catch(() => undefined);
  return file?.text;
}

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
  isAlive: (owner: ProcessIdentity) => Promise<boolean> = isAlive;
  readonly #heard: AppHeard | undefined;
  readonly #stack = new Disposables();
  readonly #parent: App | undefined;
  #audit: Promise<AuditRecorder> | undefined;
  #engine: Promise<Engine> | undefined;
  #cgroups: Promise<CgroupKeeper> | undefined;

  constructor(
    config: Config,
    env: Readonly<Record<string, string | undefined>>,
    { heard, behalf, siblings }: AppMeans = {},
  ) {
    this.config = config;
    this.env = env;
    this.#heard = heard;
    this.#parent = behalf?.app;
    this.lookupTurns = behalf?.app.lookupTurns ?? new LookupTurns();
    const sealing = sealingHere(config, { env, builtInit, audit: () => this.audit() });
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
    return new App(narrowed(this.config, ceiling), this.env, { heard: this.#heard, behalf: { app: this, apiKey } });
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
  async sessions(
    kind: 'attached' | 'detached',
    more: Partial<
      Pick<SessionsOptions, 'monitoring' | 'onQuestions' | 'onDecided' | 'admission' | 'gate' | 'sealWaitMs'>
    > = {},
  ): Promise<Sessions> {
    const audit = await this.audit();
    const [maker, owner] = await Promise.all([this.maker(), ownIdentity()]);
    const sessions = new Sessions({
      lookupTurns: this.lookupTurns,
      siblings: this.siblings,
      maker,
      store: this.store,
      audit,
      policy: this.createContext(),
      currentPolicy: async () => ({
        ...this.createContext(),
        sitePolicy: await withApproved(this.config, callerUid()),
      }),
      owner,
      kind,
      version,
      ...more,
      keys: this.keySources,
      presets: { ask: toolAsker(this.env), env: this.env, readText },
      overlays: new Overlays({
        ...{ way: this.config.copyOnWrite, program: maker.init.source },
      }),
    });
    return this.#stack.use(sessions);
  }

  /** Judges what is given to sessions that this process only holds. */
  async admission(): Promise<Admission> {
    const { bootId } = await ownIdentity();
    return userAdmission({ store: this.store, policy: this.createContext(), clock: systemClock, bootId });
  }

  /** Judges what is made by all the `Sessions` of this process together. */
  async processAdmission(all: () => readonly Sessions[]): Promise<Admission> {
    const owner = await ownIdentity();
    return processAdmission({ store: this.store, policy: this.createContext(), clock: systemClock, owner }, all);
  }

  async maker(): Promise<SandboxMaker> {
    const uid = callerUid();
    const [engine, init, seccomp, ids] = await Promise.all([
      this.engine(),
      stageInit(builtInit, this.config.stateDir),
      stageSeccomp(this.config.stateDir),
      mappableIds(userInfo().username, uid),
    ]);
    const approval = this.approval(engine);
    const { imageRules: rules, initReportAccepted: isReportAccepted } = this.config.sitePolicy;
    const images = new ImageStore({
      engine,
      gate: scanGate({ store: new ScanStore(this.config.stateDir), rules, clock: systemClock }),
      hostImage: once(hostImageParts),
      extraBinds: (folders) =>
        hostFolderBinds(folders, { ...approval, allowedRoots: this.config.sitePolicy.hostFolders }),
    });
    const { commandPath, sitePolicy } = this.config;
    const { lifetimeMs: lifetimeCeilingMs } = sitePolicy.ceilings;
    const pipes = new PipeMaker(init.source);
    const cgroups = new CgroupKeeper(init.source);
    const apparmor = new AppArmorRecords({ shipped: dirname(shippedAppArmor(sandboxProfile).shipped) });
    return {
      ...{ engine, images, clock: systemClock, init, seccomp, apparmor, pipes, cgroups, lifetimeCeilingMs },
      ...{ commandPath, approval, callerUid: uid, mappableIds: ids, isReportAccepted },
      view: viewHere(this.env, engine, approval),
    };
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
    const home = homedir();
    return {
      allowedRoots: this.config.sitePolicy.allowedRoots,
      // The holder of a key asks from elsewhere.
      hidesOutside: this.#parent !== undefined,
      homeDir: home,
      uid: callerUid(),
      privateFolders: [
        this.config.stateDir,
        this.config.runtimeDir,
        this.userRuntimeDir,
        // A socket can be connected to through a read-only mount, and the log would be the sandbox's to rewrite.
        ...(engine === undefined ? [] : [engine.identity.socketPath]),
        this.config.auditLogPath,
        // What is kept encrypted is in a folder that is fenced off already; its key need not be.
        ...(this.config.encryption.keyFile === undefined ? [] : [this.config.encryption.keyFile]),
        ...(this.config.audit.anchorPath === undefined ? [] : [this.config.audit.anchorPath]),
        ...(this.config.audit.forward?.startsWith('/') === true ? [this.config.audit.forward] : []),
        ...listLogFiles(this.config.auditLogPath).map((file) => file.path),
        `${home}/.local/share/containers`,
        `${home}/.local/share/docker`,
      ],
    };
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

/** What requests are judged by on this host. */
export function createContext({ sitePolicy, profiles, origins, hostFolders }: Config): CreateContext {
  const [hostMemoryBytes, cpuCount] = [totalmem(), availableParallelism()];
  const host = { homeDir: homedir(), hostMemoryBytes, cpuCount, securityModules: activeSecurityModules() };
  return { sitePolicy, profiles, origins, host, hostFolders };
}

async function ownIdentity(): Promise<ProcessIdentity> {
  const self = await readProcessIdentity();
  if (self === undefined) throw new PaddockError('INTERNAL', '/proc does not show this process');
  return self;
}

async function hostImageParts() {
  const layout = await readHostLayout();
  const [image, binds] = await Promise.all([buildHostImage(layout), hostImageBinds(layout)]);
  return { image, binds };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
