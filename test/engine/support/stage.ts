import { access, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, homedir, totalmem, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { type AuditLog, openAudit } from '../../../src/audit/audit-log.js';
import { builtInPolicy } from '../../../src/config/built-in-policy.js';
import { loadConfig } from '../../../src/config/load.js';
import { AppArmorRecords } from '../../../src/confine/apparmor-record.js';
import type { CommandPath, ExecRequest, ExecResult } from '../../../src/core/exec.js';
import { labels, userLabelPrefix } from '../../../src/core/labels.js';
import type { Profile } from '../../../src/core/profile.js';
import type { SitePolicy } from '../../../src/core/site-policy.js';
import type { CopyOnWriteWay } from '../../../src/core/spec.js';
import { version } from '../../../src/core/version.js';
import type { ContainerSummary, Engine, EngineKind } from '../../../src/engine/types.js';
import { systemClock } from '../../../src/kit/clock.js';
import { known } from '../../../src/kit/known.js';
import { readProcess } from '../../../src/kit/proc/processes.js';
import { type ProcessIdentity, readProcessIdentity } from '../../../src/kit/process-identity.js';
import type { CreateRequest } from '../../../src/policy/request.js';
import { CgroupKeeper } from '../../../src/sandbox/cgroups/cgroup-keeper.js';
import type { CommandOptions } from '../../../src/sandbox/command/command.js';
import { commandLineOf } from '../../../src/sandbox/command/marked-processes.js';
import { activeSecurityModules, mappableIds } from '../../../src/sandbox/host-facts.js';
import { ImageStore } from '../../../src/sandbox/images.js';
import { stageInit } from '../../../src/sandbox/init-binary.js';
import type { SandboxMaker } from '../../../src/sandbox/maker.js';
import { PipeMaker } from '../../../src/sandbox/pipe-maker.js';
import { pidNamespaceOf, processesOf } from '../../../src/sandbox/processes.js';
import { stageSeccomp } from '../../../src/sandbox/seccomp-files.js';
import type { KeySources } from '../../../src/session/broker/provider-routes.js';
import { runsAnywhere } from '../../../src/session/egress/sibling-names.js';
import { Siblings } from '../../../src/session/egress/siblings.js';
import type { Session } from '../../../src/session/session.js';
import { Sessions } from '../../../src/session/sessions.js';
import { RecordStore } from '../../../src/session/store.js';
import type { ApprovalContext } from '../../../src/workspace/approve.js';
import { hostFolderBinds, hostImageBinds } from '../../../src/workspace/host-binds.js';
import { buildHostImage } from '../../../src/workspace/host-image.js';
import { readHostLayout } from '../../../src/workspace/host-layout.js';
import { Overlays } from '../../../src/workspace/overlays.js';
import { openTestEngine, uniqueName } from './engines.js';
import { type FrameWatch, WatchedPipes } from './frame-watch.js';

const uid = process.getuid?.() ?? 0;

export interface StageOptions {
  /** Changes to the policy that holds where no site has one. */
  readonly policy?: Partial<SitePolicy>;
  /** How commands get in; default: over the pipes. */
  readonly commandPath?: CommandPath;
  /** What the AppArmor profile that is loaded is held against; default: what root recorded, as everywhere. */
  readonly apparmor?: AppArmorRecords;
  /** By which means projects are shown copy-on-write; default: by an overlay. */
  readonly copyOnWrite?: CopyOnWriteWay;
  /** Default: the engine under test. */
  readonly socketPath?: string;
  /** Where the keys of the credential broker come from. */
  readonly keys?: KeySources;
  /** An engine that is open already and stays its owner's. */
  readonly engine?: Engine;
  /** Sees every byte of the channels of what is made. */
  readonly frames?: FrameWatch;
}

/** The built process 1; `npm run build` makes it. */
export const builtInit = resolve(`dist/init/paddock-init-${process.arch}`);

type StageParts = Pick<
  Stage,
  'overlays' | 'kind' | 'folder' | 'maker' | 'store' | 'policy' | 'profiles' | 'audit' | 'self' | 'keys'
>;

/**
 * Everything a session needs on one real engine, put together as the command line does it, over folders of its own in
 * the home of the user. Disposing it ends the sessions and throws when anything of them is left: a container, a
 * process, a record.
 */
export class Stage implements AsyncDisposable {
  readonly kind: EngineKind;
  readonly folder: string;
  readonly maker: SandboxMaker;
  readonly store: RecordStore;
  readonly policy: SitePolicy;
  /** Those that come with Paddock. */
  readonly profiles: readonly Profile[];
  readonly audit: AuditLog;
  /** This process, who owns the sessions of the stage. */
  readonly self: ProcessIdentity;
  readonly keys: KeySources;
  readonly sessions: Sessions;
  readonly overlays: Overlays;
  readonly #isEngineOurs: boolean;
  readonly #mark = uniqueName('stage');
  readonly #seen = new Map<string, string>();

  private constructor(parts: StageParts, isEngineOurs: boolean) {
    this.kind = parts.kind;
    this.folder = parts.folder;
    this.maker = parts.maker;
    this.store = parts.store;
    this.policy = parts.policy;
    this.profiles = parts.profiles;
    this.audit = parts.audit;
    this.self = parts.self;
    this.overlays = parts.overlays;
    this.keys = parts.keys;
    this.sessions = this.newSessions();
    this.#isEngineOurs = isEngineOurs;
  }

  static async open(kind: EngineKind, options: StageOptions = {}): Promise<Stage> {
    const folder = await mkdtemp(join(homedir(), 'paddock-test-'));
    const stateDir = join(folder, 'state');
    const policy = { ...builtInPolicy(homedir()), ...options.policy };
    const engine = options.engine ?? (await openTestEngine(kind, options.socketPath));
    const maker = {
      ...(await makerOn(engine, stateDir, policy, options.frames)),
      commandPath: options.commandPath ?? 'fifo',
      ...known({ apparmor: options.apparmor }),
    };
    const audit = await openAudit({
      path: join(stateDir, 'audit.jsonl'),
      createParent: true,
      caller: { uid, user: userInfo().username },
      version,
      clock: systemClock,
    });
    const store = new RecordStore(stateDir, join(folder, 'run'));
    const self = await readProcessIdentity();
    if (self === undefined) throw new Error('/proc does not show this process');
    const { profiles } = await loadConfig({ env: {}, flags: {}, homeDir: folder, uid });
    const overlays = new Overlays({
      ...{ way: options.copyOnWrite ?? 'overlay', program: maker.init.source },
    });
    return new Stage(
      {
        overlays,
        kind,
        folder,
        maker,
        store,
        policy,
        profiles,
        audit,
        self,
        keys: options.keys ?? { environment: {} },
      },
      options.engine === undefined,
    );
  }

  /** With a session over a project of its own, which stays as it is. */
  static async overProject(kind: EngineKind, options: StageOptions = {}) {
    const stage = await Stage.open(kind, options);
    const project = await stage.project();
    return { stage, project, session: await stage.create({ projectPath: project, workspace: 'cow' }) };
  }

  get engine(): Engine {
    return this.maker.engine;
  }

  /** Folder of the records, below `folder`. */
  get stateDir(): string {
    return join(this.folder, 'state');
  }

  /** Further sessions on the same store, of another kind or owner; the caller's to dispose. */
  newSessions(kind: 'attached' | 'detached' = 'attached', owner = this.self): Sessions {
    const siblings = new Siblings((name) => runsAnywhere(this.store, name));
    const { maker, store, audit, policy: sitePolicy, profiles, overlays, keys } = this;
    const [hostMemoryBytes, cpuCount] = [totalmem(), availableParallelism()];
    const host = { homeDir: homedir(), hostMemoryBytes, cpuCount, securityModules: activeSecurityModules() };
    return new Sessions({
      maker,
      store,
      audit,
      policy: { sitePolicy, profiles, host },
      owner,
      kind,
      version,
      overlays,
      keys,
      siblings,
    });
  }

  /** A folder that may be a project, with one file in it. */
  async project(name = uniqueName('project')): Promise<string> {
    const path = join(this.folder, name);
    await mkdir(path);
    await writeFile(join(path, 'hello.txt'), 'hello\n');
    return path;
  }

  /** A session of this stage; without a project unless the request names one. */
  async create(
    request: CreateRequest & Readonly<Record<string, unknown>> = {},
    signal?: AbortSignal,
  ): Promise<Session> {
    const workspace = request.projectPath === undefined ? { workspace: 'none' as const } : {};
    const marked = { ...workspace, ...request, labels: { ...request.labels, stage: this.#mark } };
    const session = await this.sessions.create(marked, signal);
    this.#seen.set(session.sandbox.handle.containerId, session.sandbox.handle.namespace);
    return session;
  }

  /** Containers in the engine that were made for this stage, whether their creation succeeded or not. */
  containers(): Promise<readonly ContainerSummary[]> {
    return this.engine.listContainers([labels.session, `${userLabelPrefix}stage=${this.#mark}`]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sessions[Symbol.asyncDispose]();
    await this.audit[Symbol.asyncDispose]();
    const containers = (await this.containers()).map((c) => `container ${c.names.join()} ${c.state}`);
    const processes = [...this.#seen.values()].flatMap((ns) => processesOf(ns).map((p) => `process ${p.pid} in ${ns}`));
    const { records, unreadable } = await this.store.list();
    const left = [...containers, ...processes, ...records.map((r) => `record ${r.id}`), ...unreadable];
    for (const container of await this.containers()) await this.engine.removeContainer(container.id);
    if (this.#isEngineOurs) await this.engine[Symbol.asyncDispose]();
    await rm(this.folder, { recursive: true, force: true });
    if (left.length > 0) throw new Error(`left behind: ${left.join('; ')}`);
  }
}

async function makerOn(
  engine: Engine,
  stateDir: string,
  policy: SitePolicy,
  frames?: FrameWatch,
): Promise<Omit<SandboxMaker, 'commandPath'>> {
  await access(builtInit).catch(() => {
    throw new Error('run `npm run build` first: the tests use the process 1 that it makes');
  });
  const approval: ApprovalContext = {
    allowedRoots: policy.allowedRoots,
    siteRoots: policy.allowedRoots,
    homeDir: homedir(),
    uid,
    privateFolders: [stateDir, `${homedir()}/.local/share/containers`, `${homedir()}/.local/share/docker`],
  };
  const layout = await readHostLayout();
  // Once, as the command line has it.
  const [image, binds] = await Promise.all([buildHostImage(layout), hostImageBinds(layout)]);
  const images = new ImageStore({
    engine,
    hostImage: () => Promise.resolve({ image, binds }),
    extraBinds: (folders) => hostFolderBinds(folders, { ...approval, allowedRoots: policy.hostFolders }),
  });
  const [init, seccomp, ids] = await Promise.all([
    stageInit(builtInit, stateDir),
    stageSeccomp(stateDir),
    mappableIds(userInfo().username, uid),
  ]);
  const pipes = frames === undefined ? new PipeMaker(init.source) : new WatchedPipes(init.source, frames);
  const { lifetimeMs: lifetimeCeilingMs } = policy.ceilings;
  return {
    engine,
    images,
    clock: systemClock,
    init,
    seccomp,
    pipes,
    apparmor: new AppArmorRecords({ shipped: resolve('profiles/apparmor') }),
    cgroups: new CgroupKeeper(init.source),
    lifetimeCeilingMs,
    approval,
    callerUid: uid,
    mappableIds: ids,
  };
}

/** A command as a caller would ask for it: a shell line, or argv as it is. */
export function command(line: string | readonly string[], changes: Partial<ExecRequest> = {}): ExecRequest {
  const argv = typeof line === 'string' ? ['/bin/sh', '-c', line] : line;
  return { argv, timeoutMs: 60_000, outputCapBytes: 256 * 1024, outputLimitBytes: 64 * 1024 * 1024, ...changes };
}

/** Runs a command to its end; rejects with the error when it has no result. */
export async function run(
  session: Session,
  line: string | readonly string[],
  changes: Partial<ExecRequest> = {},
  options: CommandOptions = {},
): Promise<ExecResult> {
  const entry = await session.start(command(line, changes), options);
  await entry.settled;
  if (entry.outcome === undefined) throw new Error('a settled command has an outcome');
  if ('error' in entry.outcome) throw entry.outcome.error;
  return entry.outcome.result;
}

/** What a shell line prints, without the last newline; rejects when it fails or says anything on stderr. */
export async function said(session: Session, line: string, changes: Partial<ExecRequest> = {}): Promise<string> {
  const { exitCode, reason, stdout, stderr } = await run(session, line, changes);
  if (exitCode !== 0 || stderr.text !== '') {
    throw new Error(`${line}: ${reason} ${exitCode}\n${stdout.text}${stderr.text}`);
  }
  return stdout.text.replace(/\n$/, '');
}

/** What a shell line says when it fails, and that it did. */
export async function refused(session: Session, line: string): Promise<string> {
  const { exitCode, stdout, stderr } = await run(session, line);
  if (exitCode === 0) throw new Error(`${line}: should have failed\n${stdout.text}${stderr.text}`);
  return stderr.text + stdout.text;
}

/**
 * Names of the processes of a session besides process 1, nested pid namespaces included, read from the host's /proc. Without what
 * waits for the next command: a supervisor whose child has not become anything yet.
 */
export function processesIn(session: Session): readonly string[] {
  const { initPid, namespace } = session.sandbox.handle;
  if (pidNamespaceOf(initPid) !== namespace) return [];
  const others = processesOf(namespace).filter(({ pid }) => pid !== initPid);
  const ours = commandLineOf(initPid);
  const isOurs = ({ pid }: { pid: number }) => commandLineOf(pid) === ours;
  const childrenOf = (parent: number) => others.filter(({ ppid }) => ppid === parent);
  // One at most, which may be in the making: without its child yet.
  const waiting = others.find((one) => one.ppid === initPid && isOurs(one) && childrenOf(one.pid).every(isOurs));
  const seat = waiting === undefined ? [] : [waiting, ...childrenOf(waiting.pid)].map(({ pid }) => pid);
  return others.flatMap(({ pid }) => (seat.includes(pid) ? [] : (readProcess(pid)?.comm ?? [])));
}
