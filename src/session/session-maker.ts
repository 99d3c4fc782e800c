import { toPaddockError } from '../core/errors.js';
import type { SessionId } from '../core/ids.js';
import type { SandboxSpec } from '../core/spec.js';
import { Disposables } from '../kit/disposables.js';
import type { CreateAllowed } from '../policy/verdict.js';
import { createSandbox, SandboxLeft } from '../sandbox/create.js';
import { type ApprovedPath, asMade } from '../sandbox/maker.js';
import type { Sandbox } from '../sandbox/sandbox.js';
import { approveHostPath } from '../workspace/approve.js';
import { refuseOverlap } from '../workspace/binds.js';
import type { Admission } from './admission.js';
import { noKeys } from './broker/take-keys.js';
import type { Claim } from './control/claim.js';
import { claimSession } from './control/claim-session.js';
import type { ControlOptions } from './control/control-options.js';
import { serveControl, visitor } from './control/server.js';
import { type OpenedDisk, openDisk } from './disk/open-disk.js';
import { refuseTakenName } from './egress/sibling-names.js';
import { refuseHeldFolder } from './folder-hold.js';
import { ForeignWatch } from './foreign-watch.js';
import { Idleness } from './idleness.js';
import { refuseMoreKept } from './kept-room.js';
import { newRecord } from './new-record.js';
import { type PlannedWays, WaysOutPlanner } from './plan-ways-out.js';
import { type SessionRecord, specOf } from './record.js';
import { identityOf } from './record-parts.js';
import { Session } from './session.js';
import { SessionLog } from './session-log.js';
import type { SessionStart, SessionsOptions } from './sessions-options.js';
import { updateSession } from './update.js';
import { watchSession } from './watch.js';
import { type CheckedPath, withLayer } from './with-layer.js';

interface Made {
  readonly record: SessionRecord;
  readonly sandbox: Sandbox;
  readonly notes: readonly string[];
  readonly held: Claim;
  readonly disk: OpenedDisk | undefined;
  readonly ways: PlannedWays;
}

/** Makes sessions out of what policy allowed: record, container, log, and the socket for visitors. Its caller ends them. */
export class SessionMaker {
  readonly #options: SessionsOptions;
  readonly #left = new Set<SessionRecord>();
  readonly #foreign: ForeignWatch | undefined;

  readonly #admission: Admission;
  readonly #waysOut: WaysOutPlanner;

  constructor(options: SessionsOptions, admission: Admission) {
    this.#options = options;
    this.#admission = admission;
    this.#waysOut = new WaysOutPlanner(options);
    const { monitoring, maker, store } = options;
    const { engine, clock } = maker;
    if (monitoring !== undefined) this.#foreign = new ForeignWatch({ engine, store, clock, alarms: monitoring.alarms });
  }

  /** Writes the record before the engine hears of it; a failure takes back what was made. Errors: those of `Sessions.create`. */
  async make(id: SessionId, verdict: CreateAllowed, signal: AbortSignal, start: SessionStart): Promise<Session> {
    const { store, maker, kind } = this.#options;
    if (kind === 'detached') maker.view?.refuseDetached();
    const { keys = noKeys } = start;
    const [checked, ways] = await Promise.all([
      this.#approve(verdict.spec),
      this.#waysOut.plan(verdict.spec, keys, signal),
    ]);
    const spec = asMade(ways.spec, maker);
    const blank = newRecord(this.#options, id, spec, checked, verdict.name);
    await refuseTakenName(blank, store, this.#options.siblings);
    await store.save(blank);
    await using undo = new Disposables();
    try {
      await this.#beginIn(id);
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
      const said = [...verdict.notes, ...ways.notes, ...notes, ...sandbox.notes];
      const session = await this.#register({ record, sandbox, notes: said, held, disk, ways });
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

  /**
   * A server in a container may have come since the engine was opened. It looks at records once it has the folder, we at who has that once there is
   * a record: of two that come at once at least one sees the other.
   */
  async #beginIn(id: SessionId): Promise<void> {
    const { store } = this.#options;
    await refuseHeldFolder(store.stateDir);
    store.makeChannelFolder(id);
  }

  async #register({ record, sandbox, notes, held, disk, ways }: Made): Promise<Session> {
    const { containerId, initPid, namespace, initStartTicks, evidence } = sandbox.handle;
    disk?.belongsTo(sandbox.handle, sandbox.hold);
    const running: SessionRecord = {
      ...record,
      ...(await disk?.noted()),
      state: 'running',
      container: { id: containerId, initPid, namespace, initStartTicks },
      evidence: { controls: [...evidence.controls], readAtMs: evidence.readAtMs },
    };
    const endSandbox = () => sandbox[Symbol.asyncDispose]();
    const { audit, maker, monitoring, store } = this.#options;
    await orEnd(() => store.save(running), endSandbox);
    const log = new SessionLog(store.logPath(record.id as SessionId));
    const { clock } = maker;
    const { idleTimeoutMs: timeoutMs } = record.spec;
    const onUse = () => store.noteUse(record.id as SessionId, clock.now());
    const idleness = new Idleness({ timeoutMs, clock, onUse });
    const parts = { record: running, sandbox, log, audit, clock, idleness, notes, disk: disk?.space };
    const opened = await orEnd(() => this.#waysOut.open(record, sandbox, ways.keys), endSandbox);
    const session = new Session({ ...parts, ...opened });
    const open = async () => {
      if (ways.routes !== undefined) await opened.brokers.ensure(specOf(record), ways.routes);
      const watching = { store, audit, clock, monitoring, foreign: this.#foreign };
      session.openTo(await this.#letVisitorsIn(session, held), held, watchSession(session, watching));
    };
    await orEnd(open, () => session.end());
    return session;
  }

  /** Other processes of this user may look into the session while this one holds it. */
  async #letVisitorsIn(session: Session, held: Claim): Promise<AsyncDisposable> {
    const { policy, maker, store, monitoring, onDecided, traceVisit: trace } = this.#options;
    const { sitePolicy } = policy;
    const { clock } = maker;
    const audit = this.#options.audit.forCaller(visitor);
    const parts = { store, audit, clock, policy, admission: this.#admission, onDecided };
    const update: ControlOptions['update'] = (request, signal) => updateSession(session, request, parts, signal);
    const usage = () => monitoring?.stateOf(session.id);
    const denials = monitoring?.denials;
    return serveControl(held, { session, sitePolicy, audit, clock, update, usage, denials, trace });
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
}

/** `step`, or the end of what could not be finished: of one whose sandbox may still be there the record has to stay. */
async function orEnd<T>(step: () => Promise<T>, end: () => Promise<void>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    throw await end().then(
      () => error,
      () => new SandboxLeft(toPaddockError(error)),
    );
  }
}
