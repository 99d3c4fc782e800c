import type { AuditRecorder } from '../audit/audit-log.js';
import { audited } from '../audit/audited.js';
import { plain } from '../audit/redaction.js';
import { toPaddockError } from '../core/errors.js';
import type { SessionId } from '../core/ids.js';
import { labels } from '../core/labels.js';
import { sweepServiceFolders } from '../engine/open.js';
import type { ContainerSummary, Engine } from '../engine/types.js';
import { Disposables } from '../kit/disposables.js';
import { safeLine } from '../kit/safe-text.js';
import { claimRemoval } from './control/claim-removal.js';
import { type JudgeParts, judgeListed } from './judge-listed.js';
import { sweepChannels } from './left-over-channels.js';
import { sweepRecordFolder } from './left-over-files.js';
import { endLostMonitor } from './lost-monitor.js';
import { isSameEngine, provesOwnership } from './ownership.js';
import type { ForeignContainer, KeptSession, PruneReport, RemovalReason, RemovedSession } from './prune-report.js';
import type { SessionRecord } from './record.js';

/** The part of an engine that pruning uses. */
export type PruneEngine = Pick<Engine, 'identity' | 'listContainers' | 'inspectContainer' | 'removeContainer'>;

export interface PruneOptions extends JudgeParts {
  /** Undefined when none can be opened: then only what needs no engine is removed. */
  readonly engine: PruneEngine | undefined;
  /** Gets an intent and an outcome of `session.prune` for every removal; nothing in a dry run. */
  readonly audit: AuditRecorder;
  /** `$XDG_RUNTIME_DIR`. */
  readonly runtimeDir: string;
  readonly isDryRun: boolean;
  /** Nobody asked for it. */
  readonly isByItself?: boolean | undefined;
  /** How long to wait for the container of a creation that was cut off just now; default 5 s. */
  readonly pendingWaitMs?: number;
  readonly signal?: AbortSignal;
}

const pollMs = 250;
const workers = 4;
/** How long after a client's death an engine may still come up with the container: longer where layers are copied. */
const creationGraceMs = { host: 60_000, reference: 330_000 } as const;

/**
 * Removes the sessions that have expired or lost their owner, and what crashes leave in our folders. A container is
 * only removed when the session's own record proves it (see `provesOwnership`); anything else with labels like ours
 * is reported. Safe beside live servers and other prunes. A dry run does the same, waits included, and removes nothing.
 * Errors: AUDIT_UNWRITABLE (then the rest is left alone), INTERRUPTED; what an engine refuses is in the report.
 */
export async function pruneSessions(options: PruneOptions): Promise<PruneReport> {
  const { store, clock, isDryRun, isByItself, signal } = options;
  const pruner = new Pruner(options);
  // Containers first: a session that begins meanwhile has its record on the disk before its container exists.
  await pruner.look();
  const { records, unreadable } = await store.list();
  await inParallel(records, async (record) => {
    signal?.throwIfAborted();
    await pruner.decide(record);
  });
  const files = [
    ...(await sweepRecordFolder(store, { clock, audit: options.audit, isDryRun, isByItself, signal })),
    ...(await sweepChannels(store, { clock, isDryRun, gone: pruner.removed.map((one) => one.sessionId) })),
    ...(await sweepServiceFolders(options.runtimeDir, isDryRun)),
  ];
  const { removed, kept, pending } = pruner;
  const bySession = (a: { sessionId: string }, b: { sessionId: string }) => (a.sessionId < b.sessionId ? -1 : 1);
  return {
    isDryRun,
    removed: removed.sort(bySession),
    kept: kept.sort(bySession),
    pending: pending.sort(bySession),
    foreign: await pruner.foreign(records, unreadable),
    unreadable: unreadable.map((name) => safeLine(`${name}.json`, 120)),
    files,
  };
}

class Pruner {
  readonly removed: RemovedSession[] = [];
  readonly kept: KeptSession[] = [];
  readonly pending: { sessionId: string }[] = [];
  readonly #options: PruneOptions;
  #containers: readonly ContainerSummary[] = [];
  #engineError: string | undefined;

  constructor(options: PruneOptions) {
    this.#options = options;
  }

  async look(): Promise<void> {
    try {
      this.#containers = (await this.#options.engine?.listContainers([labels.session], this.#options.signal)) ?? [];
    } catch (thrown) {
      const error = toPaddockError(thrown);
      if (error.code === 'INTERRUPTED') throw error;
      this.#engineError = safeLine(error.message);
    }
  }

  async decide(listed: SessionRecord): Promise<void> {
    const judged = await judgeListed(listed, this.#options);
    if (judged === undefined) return;
    const { record, fate } = judged;
    try {
      if (fate.act === 'remove') await this.#remove(record, fate.why);
      else if (fate.why === 'not-expired' && (await this.#hasEnded(record)))
        await this.#remove(record, 'sandbox-ended');
      else this.#keep(record, fate.why);
    } catch (thrown) {
      const error = toPaddockError(thrown);
      if (['AUDIT_UNWRITABLE', 'AUDIT_BROKEN', 'INTERRUPTED'].includes(error.code)) throw error;
      this.#keep(record, 'failed', safeLine(error.message));
    }
  }

  /** What carries our labels and is of no record here, at two looks: between them it may just have been removed. */
  async foreign(records: readonly SessionRecord[], unreadable: readonly string[]): Promise<ForeignContainer[]> {
    const isOurs = (one: ContainerSummary) => records.some((record) => provesOwnership(record, one));
    const suspects = this.#containers.filter((one) => !isOurs(one));
    if (suspects.length === 0) return [];
    const still = new Set((await this.#stillThere(suspects)).map((one) => one.id));
    const known = new Set([...records.map((record) => record.id), ...unreadable]);
    return suspects
      .filter(({ id }) => still.has(id))
      .map((one) => ({
        containerId: one.id,
        name: safeLine(one.names[0] ?? '', 80),
        why: known.has(one.labels[labels.session] ?? '') ? 'not-proven' : 'no-record',
      }));
  }

  async #remove(record: SessionRecord, why: RemovalReason): Promise<void> {
    const isYoung = why === 'creation-cut-off' && this.#isYoung(record);
    const container = await this.#find(record, isYoung ? (this.#options.pendingWaitMs ?? 5000) : 0);
    if (container === undefined && !this.#isEngineOf(record)) {
      this.#keep(record, 'engine-unreachable', this.#engineError);
      return;
    }
    if (container === undefined && isYoung) {
      this.pending.push({ sessionId: record.id });
      return;
    }
    if (!this.#options.isDryRun && !(await this.#removed(record, why, container))) return;
    const found = container === undefined ? {} : { containerId: container.id };
    this.removed.push({ sessionId: record.id, ...found, why });
  }

  /** Over only when it is seen stopped, or when the right engine says that it is not there. */
  async #hasEnded(record: SessionRecord): Promise<boolean> {
    const container = await this.#find(record, 0);
    return container === undefined ? this.#isEngineOf(record) : ['exited', 'dead'].includes(container.state);
  }

  /** Judged once more when nobody can put its end off any more: whoever holds it may have done so since the first look. */
  async #removed(record: SessionRecord, why: RemovalReason, container?: ContainerSummary): Promise<boolean> {
    const claim = await claimRemoval(this.#options.store, record.id as SessionId);
    if (claim === undefined) {
      this.#keep(record, 'being-removed');
      return false;
    }
    await using claimed = new Disposables();
    claimed.use(claim);
    const judged = why === 'sandbox-ended' ? undefined : await judgeListed(record, this.#options);
    if (judged?.fate.act === 'keep') {
      this.#keep(record, judged.fate.why);
      return false;
    }
    await this.#audited(record, why, container);
    return true;
  }

  async #audited(record: SessionRecord, why: RemovalReason, container: ContainerSummary | undefined): Promise<void> {
    const { audit, clock, engine, store, signal } = this.#options;
    await audited(audit, {
      action: 'session.prune',
      session: record.id,
      details: { why: plain(why), container: plain(container?.id ?? 'none') },
      run: async () => {
        // The record goes last: until the container is gone it is what proves it ours.
        if (container !== undefined) await engine?.removeContainer(container.id, signal);
        await endLostMonitor(record.containerName, process.getuid?.() ?? -1, clock, () => this.#isKnown(record));
        const id = record.id as SessionId;
        // As it is now: its owner may have finished it since it was listed.
        const isUnfinished = (await store.load(id))?.state === 'creating';
        await (isUnfinished ? store.removeUnfinished(id) : store.remove(id, (seal) => seal(signal)));
      },
    });
  }

  /** In the list, or asked for again: it may have been made after the list, by an owner that has ended since. */
  async #find(record: SessionRecord, waitMs: number): Promise<ContainerSummary | undefined> {
    const { engine, clock, signal } = this.#options;
    const seen = this.#containers.find((one) => provesOwnership(record, one));
    if (seen !== undefined || engine === undefined || this.#engineError !== undefined) return seen;
    const until = clock.monotonic() + waitMs;
    for (;;) {
      const now = await engine.listContainers([`${labels.session}=${record.id}`], signal);
      const container = now.find((one) => provesOwnership(record, one));
      if (container !== undefined || clock.monotonic() >= until) return container;
      await clock.sleep(pollMs, signal);
    }
  }

  /** Whether the engine has a container of that name, whosever; where it does not say so, it is taken to have one. */
  async #isKnown({ containerName }: SessionRecord): Promise<boolean> {
    const { engine, signal } = this.#options;
    if (engine === undefined) return true;
    return engine.inspectContainer(containerName, signal).then(
      () => true,
      (thrown: unknown) => toPaddockError(thrown).code !== 'ENGINE_NOT_FOUND',
    );
  }

  #keep(record: SessionRecord, why: KeptSession['why'], detail?: string): void {
    this.kept.push({ sessionId: record.id, why, ...(detail === undefined ? {} : { detail }) });
  }

  async #stillThere(suspects: readonly ContainerSummary[]): Promise<readonly ContainerSummary[]> {
    try {
      return (await this.#options.engine?.listContainers([labels.session], this.#options.signal)) ?? [];
    } catch (thrown) {
      // The rest of the report is worth having without this second look.
      if (toPaddockError(thrown).code === 'INTERRUPTED') throw thrown;
      return suspects;
    }
  }

  #isYoung(record: SessionRecord): boolean {
    return this.#options.clock.now() - record.createdAtMs < creationGraceMs[record.spec.image.kind];
  }

  #isEngineOf(record: SessionRecord): boolean {
    const { engine, runtimeDir } = this.#options;
    return engine !== undefined && this.#engineError === undefined && isSameEngine(record, engine.identity, runtimeDir);
  }
}

/** A few at a time; the first failure is thrown once the others under way have ended. */
async function inParallel<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const work = async () => {
    for (const item of queue) await run(item);
  };
  const results = await Promise.allSettled(Array.from({ length: workers }, work));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}
