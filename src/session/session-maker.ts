import type { AuditRecorder } from '../audit/audit-log.js';
import { toPaddockError } from '../core/errors.js';
import type { SessionId } from '../core/ids.js';
import { containerNamePrefix } from '../core/labels.js';
import type { SandboxSpec } from '../core/spec.js';
import type { BrokerRoute } from '../egress/broker/types.js';
import type { PresetContext } from '../egress/presets/preset.js';
import { Disposables } from '../kit/disposables.js';
import type { ProcessIdentity } from '../kit/process-identity.js';
import { randomBase32 } from '../kit/random-id.js';
import type { Monitoring } from '../monitor/monitoring.js';
import type { CreateContext } from '../policy/create.js';
import type { CreateAllowed } from '../policy/verdict.js';
import {
  type ApprovedPath,
  asMade,
  createSandbox,
  longestLifetimeMs,
  SandboxLeft,
  type SandboxMaker,
} from '../sandbox/create.js';
import type { Sandbox } from '../sandbox/sandbox.js';
import { approveHostPath } from '../workspace/approve.js';
import { refuseOverlap } from '../workspace/binds.js';
import type { CopyOptions } from '../workspace/copy-layer.js';
import type { Overlays } from '../workspace/overlays.js';
import type { Admission } from './admission.js';
import { type KeySources, providerRoutes } from './broker/provider-routes.js';
import { type BrokerParts, brokerWithoutChannel, SessionBrokers } from './broker/session-broker.js';
import { type GivenKeys, noKeys } from './broker/take-keys.js';
import type { Claim } from './control/claim.js';
import { claimSession } from './control/claim-session.js';
import { serveControl, visitor } from './control/server.js';
import type { ControlOptions } from './control/visitor.js';
import { type OpenedDisk, openDisk } from './disk/open-disk.js';
import { expandPresets } from './egress/expand-presets.js';
import { type EgressParts, openSessionEgress, withoutChannel } from './egress/session-egress.js';
import { ForeignWatch } from './foreign-watch.js';
import type { HostRoom } from './host-room.js';
import { Idleness } from './idleness.js';
import type { LayerOrigin } from './layer-origin.js';
import type { SessionRecord } from './record.js';
import { identityOf, recordedSpec } from './record-parts.js';
import { Session } from './session.js';
import { SessionLog } from './session-log.js';
import type { RecordStore } from './store.js';
import { updateSession } from './update.js';
import { watchSession } from './watch.js';
import { type CheckedPath, refuseMoreKept, withLayer } from './with-layer.js';

export interface SessionsOptions {
  readonly maker: SandboxMaker;
  readonly store: RecordStore;
  readonly audit: AuditRecorder;
  readonly policy: CreateContext;
  /** The same as it is by now: what was approved for always since then is in it. Left out: nothing changes. */
  readonly currentPolicy?: () => Promise<CreateContext>;
  readonly owner: ProcessIdentity;
  /** attached: sessions end with this process; detached: they outlive it and end at their deadline. */
  readonly kind: 'attached' | 'detached';
  readonly version: string;
  /** What the host has for sessions; default: as the kernel says. */
  readonly room?: () => HostRoom;
  /** By which means projects are shown copy-on-write; default: overlays. */
  readonly overlays?: Overlays;
  /** How the hosts of presets are found out; absent: none are known. */
  readonly presets?: PresetContext;
  /** By which names are looked up in this process; absent: each session has its own. */
  readonly lookupTurns?: EgressParts['lookupTurns'];
  /** Puts what sessions want to reach to a person; absent: only whoever looks for such questions. */
  readonly onQuestions?: EgressParts['onQuestions'];
  /** Where keys for the credential broker may be found; absent: only in requests. */
  readonly keys?: KeySources;
  /** What samples the usage of attached sessions. */
  readonly monitoring?: Monitoring | undefined;
}

/** What a session begins with, and who is told while that, or the project, is copied for it. */
export interface SessionStart {
  readonly origin?: LayerOrigin | undefined;
  readonly onProgress?: CopyOptions['onProgress'];
  /** Taken out of the request before anything else saw it. */
  readonly keys?: GivenKeys;
}

/** Undefined routes: there is to be no broker yet. */
interface Brokering {
  readonly routes: readonly BrokerRoute[] | undefined;
  readonly notes: readonly string[];
}

interface Made {
  readonly record: SessionRecord;
  readonly sandbox: Sandbox;
  readonly notes: readonly string[];
  readonly held: Claim;
  readonly disk: OpenedDisk | undefined;
  readonly keys: GivenKeys;
  readonly brokering: Brokering;
}

/** Makes sessions out of what policy allowed: record, container, log, and the socket for visitors. Its caller ends them. */
export class SessionMaker {
  readonly #options: SessionsOptions;
  readonly #left = new Set<SessionRecord>();
  readonly #foreign: ForeignWatch | undefined;

  readonly #admission: Admission;

  constructor(options: SessionsOptions, admission: Admission) {
    this.#options = options;
    this.#admission = admission;
    const { monitoring, maker, store } = options;
    const { engine, clock } = maker;
    if (monitoring !== undefined) this.#foreign = new ForeignWatch({ engine, store, clock, alarms: monitoring.alarms });
  }

  /** Writes the record before the engine hears of it; a failure takes back what was made. Errors: those of `Sessions.create`. */
  async make(id: SessionId, verdict: CreateAllowed, signal: AbortSignal, start: SessionStart): Promise<Session> {
    const { store, maker } = this.#options;
    const { keys = noKeys } = start;
    const [checked, planned, brokering] = await Promise.all([
      this.#approve(verdict.spec),
      this.#reaching(verdict.spec, signal),
      this.#brokering(verdict.spec, keys),
    ]);
    const spec = asMade(planned, maker);
    const blank = this.#newRecord(id, spec, checked, verdict.name);
    await store.save(blank);
    await using undo = new Disposables();
    try {
      store.makeChannelFolder(id);
      await refuseMoreKept(store, checked, this.#options.policy.sitePolicy);
      const { overlays } = this.#options;
      const means = { overlays, program: maker.init.source, clock: maker.clock, signal, onProgress: start.onProgress };
      const { approved, record, notes } = await withLayer(store, blank, checked, { origin: start.origin, ...means });
      // Ours before anybody else can see that it runs.
      const held = undo.use(await claimSession(store, id));
      await this.#refuseOverlaps(record, approved);
      // What is there is counted while the container is made: nothing of it can be the sandbox's yet.
      const disk = await openDisk(record, maker.clock);
      if (disk !== undefined) undo.use(disk.space);
      const sandbox = await createSandbox(
        maker,
        spec,
        approved,
        identityOf(record, store, maker.callerUid, this.#options.version),
        signal,
      );
      const said = [...verdict.notes, ...brokering.notes, ...notes];
      const session = await this.#register({ record, sandbox, notes: said, held, disk, keys, brokering });
      undo.move();
      return session;
    } catch (error) {
      if (error instanceof SandboxLeft) this.#left.add(blank);
      else await store.removeUnfinished(id);
      throw error;
    }
  }

  /** What creations left because the engine had gone; what fails again stays for the next time, or for `prune`. */
  async removeLeft(): Promise<void> {
    const { maker, store } = this.#options;
    for (const record of this.#left) {
      const isGone = await maker.engine.removeContainer(record.containerName).then(
        () => true,
        () => false,
      );
      if (!isGone) continue;
      await store.removeUnfinished(record.id as SessionId);
      this.#left.delete(record);
    }
  }

  async #register({ record, sandbox, notes, held, disk, keys, brokering }: Made): Promise<Session> {
    const { containerId, initPid, namespace, initStartTicks, evidence } = sandbox.handle;
    disk?.belongsTo(sandbox.handle, sandbox.hold);
    const running: SessionRecord = {
      ...record,
      ...(await disk?.noted()),
      state: 'running',
      container: { id: containerId, initPid, namespace, initStartTicks },
      evidence: { controls: [...evidence.controls], readAtMs: evidence.readAtMs },
    };
    try {
      await this.#options.store.save(running);
    } catch (error) {
      throw await afterEnd(error, () => sandbox[Symbol.asyncDispose]());
    }
    const log = new SessionLog(this.#options.store.logPath(record.id as SessionId));
    const { audit, maker, monitoring } = this.#options;
    const { clock } = maker;
    const { idleTimeoutMs: timeoutMs } = record.spec;
    const onUse = () => this.#options.store.noteUse(record.id as SessionId, clock.now());
    const idleness = new Idleness({ timeoutMs, clock, onUse });
    const parts = { record: running, sandbox, log, audit, clock, idleness, notes, disk: disk?.space };
    const egress = await openSessionEgress(sandbox, this.#egressParts(running)).catch(async (error: unknown) => {
      throw await afterEnd(error, () => sandbox[Symbol.asyncDispose]());
    });
    const brokers = new SessionBrokers(this.#brokerParts(running, keys), sandbox, egress);
    const session = new Session({ ...parts, egress, brokers });
    try {
      if (brokering.routes !== undefined) await brokers.ensure(record.spec.providers ?? [], brokering.routes);
      const visitors = await this.#letVisitorsIn(session, held);
      session.openTo(
        visitors,
        held,
        watchSession(session, { store: this.#options.store, audit, clock, monitoring, foreign: this.#foreign }),
      );
    } catch (error) {
      throw await afterEnd(error, () => session.end());
    }
    return session;
  }

  #egressParts({ id }: SessionRecord): EgressParts {
    const { audit, maker, monitoring, policy, onQuestions, lookupTurns } = this.#options;
    const { ask } = policy.sitePolicy.egress;
    const { clock } = maker;
    return { id: id as SessionId, audit, clock, ask, lookupTurns, denials: monitoring?.denials, onQuestions };
  }

  #brokerParts({ id }: SessionRecord, given: GivenKeys): BrokerParts {
    const { audit, maker, monitoring, keys: sources = { environment: {} }, policy } = this.#options;
    const { broker: rules } = policy.sitePolicy;
    return { id: id as SessionId, audit, clock: maker.clock, rules, sources, given, denials: monitoring?.denials };
  }

  /** Refused here, where nothing has been made yet, when a key is missing, or can't be used. */
  async #brokering({ providers = [] }: SandboxSpec, given: GivenKeys): Promise<Brokering> {
    if (providers.length === 0) return { routes: undefined, notes: [] };
    const { maker, keys: sources = { environment: {} }, policy } = this.#options;
    if (maker.commandPath !== 'exec') {
      const parts = { given, sources, rules: policy.sitePolicy.broker, clock: maker.clock };
      return { routes: await providerRoutes(providers, parts), notes: [] };
    }
    const refused = brokerWithoutChannel();
    if (Object.keys(given.secrets).length > 0) throw refused;
    return { routes: undefined, notes: [`no models can be called: ${refused.message}`] };
  }

  /** Other processes of this user may look into the session while this one holds it. */
  async #letVisitorsIn(session: Session, held: Claim): Promise<AsyncDisposable> {
    const { policy, maker, store, monitoring } = this.#options;
    const { sitePolicy } = policy;
    const { clock } = maker;
    const audit = this.#options.audit.forCaller(visitor);
    const parts = { store, audit, clock, policy, admission: this.#admission };
    const update: ControlOptions['update'] = (request, signal) => updateSession(session, request, parts, signal);
    const usage = () => monitoring?.stateOf(session.id);
    const denials = monitoring?.denials;
    return serveControl(held, { session, sitePolicy, audit, clock, update, usage, denials });
  }

  /** The spec with the hosts of its presets. Refused here where it could have no way out: nothing has been made yet. */
  async #reaching(spec: SandboxSpec, signal: AbortSignal): Promise<SandboxSpec> {
    if (spec.egress === undefined) return spec;
    const { maker, presets } = this.#options;
    if (maker.commandPath === 'exec') throw withoutChannel();
    return { ...spec, egress: await expandPresets(spec.egress, presets && { ...presets, signal }) };
  }

  async #approve(spec: SandboxSpec): Promise<CheckedPath[]> {
    const { approval } = this.#options.maker;
    return Promise.all(
      spec.mounts.map(async (mount) => ({
        mount: await approveHostPath(mount, approval),
        target: mount.target,
        copyOnWrite: mount.copyOnWrite === true,
      })),
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
      longestLifetimeMs: longestLifetimeMs(maker, spec),
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

/** What to throw for a session that could not be finished: of one whose sandbox may still be there the record has to stay. */
async function afterEnd(error: unknown, end: () => Promise<void>): Promise<unknown> {
  return end().then(
    () => error,
    () => new SandboxLeft(toPaddockError(error)),
  );
}
