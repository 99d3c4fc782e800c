import type { AuditRecorder } from '../audit/audit-log.js';
import { audited } from '../audit/audited.js';
import { EngineError, SessionError, toPaddockError } from '../core/errors.js';
import type { SessionId } from '../core/ids.js';
import { labels } from '../core/labels.js';
import type { ContainerState, Engine } from '../engine/types.js';
import type { Clock } from '../kit/clock.js';
import type { ProcessIdentity } from '../kit/process-identity.js';
import type { Denials } from '../monitor/alarms/denials.js';
import type { BrokerWish } from '../policy/broker/decide.js';
import type { CgroupKeeper } from '../sandbox/cgroups/cgroup-keeper.js';
import { openCommandCgroups } from '../sandbox/cgroups/open.js';
import { reenter } from '../sandbox/entry.js';
import { type InitIdentity, isInitAlive } from '../sandbox/init-identity.js';
import { Sandbox } from '../sandbox/sandbox.js';
import { type BrokerParts, SessionBrokers } from './broker/session-broker.js';
import { noKeys } from './broker/take-keys.js';
import { brokeredHostsOf } from './broker/wish.js';
import { openDisk } from './disk/open-disk.js';
import { type EgressParts, openSessionEgress } from './egress/session-egress.js';
import { endedIdle, sessionEnded } from './ended.js';
import { idleLeftOf } from './idle-left.js';
import { Idleness } from './idleness.js';
import { isSameEngine, judgeRecord, provesOwnership } from './ownership.js';
import { type SessionRecord, specOf } from './record.js';
import { Session } from './session.js';
import { SessionLog } from './session-log.js';
import type { RecordStore } from './store.js';

export interface AdoptOptions {
  readonly engine: Engine;
  readonly store: RecordStore;
  readonly audit: AuditRecorder;
  readonly clock: Clock;
  readonly isAlive: (owner: ProcessIdentity) => Promise<boolean>;
  /** Of the running kernel. */
  readonly bootId: string;
  /** `$XDG_RUNTIME_DIR`. */
  readonly runtimeDir: string;
  /** Whether anything besides process 1 runs in a sandbox; default: what /proc shows. */
  readonly isInUse?: (init: InitIdentity) => boolean;
  readonly signal?: AbortSignal;
  /** What a person may be asked to let through: the policy's list; absent: nobody is asked. */
  readonly ask?: readonly string[];
  /** By which names are looked up in this process. */
  readonly lookupTurns?: EgressParts['lookupTurns'];
  /** The sessions that this process holds and that see each other. */
  readonly siblings?: EgressParts['siblings'];
  /** Counts what the sandbox is refused; absent where nothing is watched. */
  readonly denials?: Pick<Denials, 'add'>;
  /** By what its credential broker is opened again; absent: not at all. */
  readonly broker?: Pick<BrokerParts, 'rules' | 'sources'>;
  /** Where it is only to be ended, nobody needs one. */
  readonly cgroups?: CgroupKeeper;
}

/**
 * A detached session for use from another process than the one that made it. The container is proven to be the
 * record's, running, and with the very process 1 that was verified at its creation. Its channel is taken over, and what still
 * runs in it with it; the caller makes sure that nobody else holds it. The caller does not `end()` what
 * it only uses (that would destroy the session): it calls `letGo()`. Errors: CHANNEL_UNAVAILABLE,
 * SESSION_NOT_YOURS (attached to another live process, or still being made by it), SESSION_ENDED, NO_SUCH_SESSION (the
 * container is not this record's), ENGINE_UNAVAILABLE (it lives on another engine), EngineError.
 */
export async function adoptSession(record: SessionRecord, options: AdoptOptions): Promise<Session> {
  const { engine, store, audit, clock } = options;
  await refuseOthers(record, options);
  const idleLeftMs = await idleLeftOf(record, store, clock.now(), options.isInUse);
  const { container, evidence } = usable(record, options, idleLeftMs);
  const state = await running(record, container, options);
  const handle = {
    containerId: state.id,
    initPid: state.pid,
    namespace: container.namespace,
    initStartTicks: container.initStartTicks,
    spec: specOf(record),
    evidence: evidence as Sandbox['handle']['evidence'],
  };
  const id = record.id as SessionId;
  const channel = await reenter(record.commandPath ?? 'exec', store.channelFolder(id), clock, options.signal);
  const commands = { engineKind: engine.identity.kind, handle, channel: channel?.channel, clock };
  const cgroups = options.cgroups && openCommandCgroups({ keeper: options.cgroups, ...commands });
  const sandbox = new Sandbox(handle, engine, clock, channel, cgroups);
  const { idleTimeoutMs: timeoutMs } = record.spec;
  const alreadyMs = timeoutMs === undefined || idleLeftMs === undefined ? 0 : Math.max(0, timeoutMs - idleLeftMs);
  const idleness = new Idleness({ timeoutMs, clock, alreadyMs, onUse: () => store.noteUse(id, clock.now()) });
  const log = new SessionLog(store.logPath(id));
  const disk = await openDisk(record, clock);
  disk?.takenOver(sandbox.handle, sandbox.hold);
  const parts = { record, sandbox, log, audit, clock, idleness, notes: [], disk: disk?.space };
  const { denials, broker } = options;
  const shared = { id, audit, clock, denials };
  const egress = await openSessionEgress(sandbox, egressParts(id, handle.spec, record, options)).catch(
    async (error: unknown) => letGoAfter(new Session(parts), error),
  );
  const brokers =
    broker &&
    new SessionBrokers({ ...shared, given: noKeys, ...broker, spentPath: store.spentPath(id) }, sandbox, egress);
  const session = new Session({ ...parts, egress, brokers });
  await brokers?.reopen(handle.spec).catch(async (error: unknown) => letGoAfter(session, error));
  await session.takeOver().catch(async (error: unknown) => letGoAfter(session, error));
  return session;
}

function egressParts(
  id: SessionId,
  wish: BrokerWish,
  { apiKey, name }: SessionRecord,
  options: AdoptOptions,
): EgressParts {
  const { store, audit, clock, ask = [], denials, lookupTurns, broker } = options;
  // Also where no broker can be opened again: what was kept from them is not let out for want of a key.
  const brokered = brokeredHostsOf(wish, broker?.rules);
  // The keeper's own are those of its user: a session of an API key sees none of them.
  const siblings = apiKey === undefined ? options.siblings : undefined;
  const parts = { id, audit, clock, ask, denials, lookupTurns, brokered, name, siblings };
  return { ...parts, movedPath: store.movedPath(id) };
}

/** The container, proven to be the record's and to run. */
async function running(
  record: SessionRecord,
  container: NonNullable<SessionRecord['container']>,
  options: AdoptOptions,
): Promise<ContainerState> {
  const state = await inspect(container.id, record, options);
  if (!provesOwnership(record, { id: state.id, names: [state.name], labels: state.labels })) {
    throw new SessionError('NO_SUCH_SESSION', `the container of ${record.id} is not the one that was made for it`);
  }
  const isSameProcess = state.pid === container.initPid && isInitAlive(container);
  if (!state.running || !isSameProcess) throw ended(record, 'its sandbox does not run any more');
  return state;
}

async function letGoAfter(session: Session, error: unknown): Promise<never> {
  await session.letGo();
  throw error;
}

/**
 * Ends a session that this process did not make, running or not: container, record and log. Errors: SESSION_NOT_YOURS,
 * ENGINE_UNAVAILABLE (it lives on another engine), EngineError, AUDIT_UNWRITABLE.
 */
export async function destroyRecorded(record: SessionRecord, options: AdoptOptions): Promise<void> {
  const { engine, store, audit, signal } = options;
  const endIt = `\`paddock update ${record.id} --ends-in 1s\` ends it; or end process ${record.owner.pid}, with all of its sessions.`;
  await refuseOthers(record, options, record.state === 'running' ? endIt : undefined);
  await audited(audit, {
    action: 'session.destroy',
    session: record.id,
    run: async () => {
      const all = await engine.listContainers([`${labels.session}=${record.id}`], signal);
      const own = all.find((one) => provesOwnership(record, one));
      if (own === undefined && !isSameEngine(record, engine.identity, options.runtimeDir)) throw elsewhere(record);
      if (own !== undefined) await engine.removeContainer(own.id, signal);
      await store.remove(record.id as SessionId);
    },
  });
}

/** An attached session is its owner's alone while that lives, and so is one that is still being made. */
async function refuseOthers(record: SessionRecord, { isAlive }: AdoptOptions, hint?: string): Promise<void> {
  if (record.kind === 'detached' && record.state === 'running') return;
  if (!(await isAlive(record.owner))) return;
  const what = record.kind === 'attached' ? 'is attached to' : `is ${record.state} in`;
  const text = `${record.id} ${what} process ${record.owner.pid}, which is alive`;
  throw new SessionError('SESSION_NOT_YOURS', text, hint === undefined ? {} : { hint });
}

function usable(record: SessionRecord, options: AdoptOptions, idleLeftMs: number | undefined) {
  // Whoever made it does not matter any more: only boot, deadline and state count.
  const facts = { isOwnerAlive: false, nowMs: options.clock.now(), bootId: options.bootId, idleLeftMs };
  const fate = judgeRecord(record, facts);
  if (fate.act === 'remove' && fate.why === 'idle') throw endedIdle(record.id, record.spec.idleTimeoutMs);
  if (fate.act === 'remove') throw ended(record, `nothing more can be run in it (${fate.why})`);
  const { container, evidence } = record;
  if (container === undefined || evidence === undefined) throw ended(record, 'it was never finished');
  return { container, evidence };
}

async function inspect(id: string, record: SessionRecord, options: AdoptOptions): Promise<ContainerState> {
  const { engine, runtimeDir, signal } = options;
  try {
    return await engine.inspectContainer(id, signal);
  } catch (thrown) {
    const error = toPaddockError(thrown);
    if (error.code !== 'ENGINE_NOT_FOUND') throw error;
    throw isSameEngine(record, engine.identity, runtimeDir) ? ended(record, 'its sandbox is gone') : elsewhere(record);
  }
}

function ended(record: SessionRecord, why: string): SessionError {
  return sessionEnded(record.id, why);
}

function elsewhere(record: SessionRecord): EngineError {
  const { kind, socketPath } = record.engine;
  return new EngineError('ENGINE_UNAVAILABLE', `session ${record.id} runs on ${kind} at ${socketPath}`, {
    hint: `Start that engine, or name it: CONTAINER_HOST=unix://${socketPath}`,
  });
}
