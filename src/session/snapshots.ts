import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { AuditRecorder } from '../audit/audit-log.js';
import { audited } from '../audit/audited.js';
import { plain } from '../audit/redaction.js';
import { PaddockError, SessionError } from '../core/errors.js';
import type { SnapshotId } from '../core/ids.js';
import type { Clock } from '../kit/clock.js';
import { OpenFolder } from '../kit/open-folder.js';
import { newSnapshotId } from '../kit/random-id.js';
import { removeTree } from '../kit/remove-tree.js';
import { carryMarks } from '../workspace/apply/carry-marks.js';
import { type Layer, openedLayer } from '../workspace/changes/layer.js';
import { copyChanges } from '../workspace/copy-changes.js';
import type { CopyOptions } from '../workspace/copy-layer.js';
import { digestOf } from '../workspace/layer-digest.js';
import type { Seals } from '../workspace/sealed/seals.js';
import { makeSpreadFolder } from '../workspace/spread-folder.js';
import { expectAsRead, isThere, whenFree, whileCopied } from './changes/own-layer.js';
import type { LayerOrigin } from './layer-origin.js';
import type { NotedLayer } from './layers.js';
import { whileAlone } from './queues.js';
import { type SweepWish, sealOverdue, sealSnapshot, snapshotSubject } from './seal-snapshot.js';
import { sealsOf } from './sealing.js';
import { sweepSnapshotClaims } from './snapshot-claims.js';
import { refuseTakenName, refuseTooLarge, roomFor } from './snapshot-room.js';
import { overdueIn, type Snapshot, shelvedIn, writeSnapshotNote } from './snapshot-shelf.js';

/** Holes are long and cost a session nothing to make. */
const digestWithinMs = 600_000;

export interface SnapshotWish {
  readonly name?: string | undefined;
  readonly keepMs: number;
  readonly mostBytes: number;
  readonly mostEntries: number;
  /** What all snapshots together may take on the disk. */
  readonly mostTotalBytes: number;
  /** What those of the API key may take of that; default: all of it. */
  readonly mostOwnBytes?: number | undefined;
  readonly signal: AbortSignal;
  readonly onProgress?: CopyOptions['onProgress'];
}

export interface SnapshotParts {
  /** `snapshots` in the state folder. */
  readonly folder: string;
  /** paddock-init, as a program of this host. */
  readonly program: string;
  readonly clock: Clock;
  readonly audit: AuditRecorder;
  /** Those of that API key alone are seen; absent: all. */
  readonly apiKey?: string | undefined;
  /** How long it may take to read all of a copy; default 10 minutes. */
  readonly digestWithinMs?: number;
  /** Encrypts them, where that is set, and opens those that are; absent: nothing does. */
  readonly seals?: Seals | undefined;
}

/** The snapshots of this user: folders of ours, each with a copy of what a session had written and a note about it. */
export class Snapshots {
  readonly #parts: SnapshotParts;

  constructor(parts: SnapshotParts) {
    this.#parts = parts;
  }

  /**
   * Copies what a session has written, running or over; in a running one each file is as it was at one moment. Errors: SNAPSHOT_FAILED,
   * LAYER_BUSY, INIT_MISSING, STATE_UNWRITABLE, CHANGES_UNREADABLE, LIMIT_REACHED (the name is taken, or there are too many), AUDIT_UNWRITABLE,
   * an AbortError.
   */
  async take(layer: NotedLayer, wish: SnapshotWish): Promise<Snapshot> {
    const { folder, clock } = this.#parts;
    const { signal } = wish;
    await this.#make(folder, (path) => makeSpreadFolder(path, this.#parts.program));
    // Of several at once each would find the same room, and the same names free. Keys do not wait for each other: together they
    // may come to take more than all may, by what is being taken, and none of them more than it may itself.
    const { apiKey } = this.#parts;
    const queue = apiKey === undefined ? folder : `${folder}-${apiKey}`;
    return whileAlone(queue, { clock, signal }, () => this.#takeAlone(layer, wish));
  }

  async #takeAlone(layer: NotedLayer, wish: SnapshotWish): Promise<Snapshot> {
    const { name, signal } = wish;
    const { clock } = this.#parts;
    const there = await this.#all();
    const own = there.filter((one) => this.#isOwn(one));
    refuseTakenName(own, name);
    const most = roomFor(wish, there, this.#parts.apiKey === undefined ? undefined : own);
    const id = newSnapshotId();
    return audited(this.#parts.audit, {
      action: 'snapshot.take',
      session: layer.id,
      details: { snapshot: plain(id) },
      run: () =>
        whileCopied(layer.layer.folder, { clock, signal }, async () => {
          await expectAsRead(layer.layer);
          return await this.#take(id, layer, { ...wish, ...most });
        }),
      describe: ({ digest, entries, bytes }) => ({ digest: plain(digest), entries, bytes }),
      undo: () => this.#remove(id),
    });
  }

  /** Oldest first. */
  async list(): Promise<readonly Snapshot[]> {
    return (await this.#all()).filter((one) => this.#isOwn(one));
  }

  #isOwn({ apiKey }: Snapshot): boolean {
    return this.#parts.apiKey === undefined || this.#parts.apiKey === apiKey;
  }

  async #all(): Promise<readonly Snapshot[]> {
    return (await shelvedIn(this.#parts.folder)).flatMap(({ snapshot }) => snapshot ?? []);
  }

  /** Those with a note that can't be read, maybe of a later version: kept until somebody removes them. */
  async unreadable(): Promise<readonly SnapshotId[]> {
    return (await shelvedIn(this.#parts.folder)).flatMap(({ id, state }) => (state === 'unreadable' ? [id] : []));
  }

  /** That of an id or a name. Errors: NO_SUCH_SNAPSHOT. */
  async get(idOrName: string): Promise<Snapshot> {
    const found = (await this.list()).find(({ id, name }) => id === idOrName || name === idOrName);
    if (found === undefined) throw new SessionError('NO_SUCH_SNAPSHOT', 'there is no such snapshot');
    return found;
  }

  /** What a session begins with that is made from it. */
  originOf(snapshot: Snapshot): LayerOrigin {
    const layer = this.#layerOf(snapshot);
    const origin = { ...layer, from: `snapshot ${snapshot.id}`, leftOut: snapshot.leftOut };
    const { sealed } = snapshot;
    if (sealed === undefined) return origin;
    return {
      ...origin,
      open: async (wish) => sealsOf(this.#parts.seals).open(layer, sealed, snapshotSubject(snapshot), wish),
    };
  }

  #layerOf({ id, project, sinceNs }: Snapshot): Layer {
    return { folder: join(this.#parts.folder, id), upper: this.#upper(id), project, sinceNs: BigInt(sinceNs) };
  }

  /** Errors: NO_SUCH_SNAPSHOT, LAYER_BUSY (a session that begins with it is being made), AUDIT_UNWRITABLE. */
  async remove(idOrName: string): Promise<SnapshotId> {
    const { folder, clock } = this.#parts;
    const unreadable = (await this.unreadable()).find((id) => id === idOrName);
    const found = unreadable === undefined ? await this.get(idOrName) : { id: unreadable };
    const id = found.id as SnapshotId;
    const wasFree = await whenFree(join(folder, id), { clock, waitMs: 10_000 }, () => this.#removeAudited(found));
    if (wasFree || !(await isThere(join(folder, id)))) return id;
    throw new PaddockError('LAYER_BUSY', 'a session is being made that begins with that snapshot');
  }

  /** Encrypts what is to be, removes those whose time is over, and what a crash has left half made; returns the paths. */
  async sweep(isDryRun: boolean, { signal, isByItself }: SweepWish = {}): Promise<readonly string[]> {
    const { folder, clock, audit, seals } = this.#parts;
    if (!isDryRun && seals !== undefined) {
      const parts = { folder, clock, audit, seals, signal, isByItself };
      for (const one of await this.#all()) await sealOverdue(one, this.#layerOf(one), parts);
    }
    const swept: string[] = [];
    for (const { id, snapshot } of await overdueIn(folder, clock)) {
      const remove = () => (snapshot === undefined ? this.#remove(id) : this.#removeAudited(snapshot));
      if (isDryRun || (await whenFree(join(folder, id), { clock, waitMs: 0 }, remove))) swept.push(join(folder, id));
    }
    return [...swept, ...(await sweepSnapshotClaims(folder, { clock, isDryRun }))];
  }

  async #removeAudited({ id, session }: Pick<Snapshot, 'id'> & Partial<Pick<Snapshot, 'session'>>): Promise<void> {
    await audited(this.#parts.audit, {
      action: 'snapshot.remove',
      ...(session === undefined ? {} : { session }),
      details: { snapshot: plain(id) },
      run: () => this.#remove(id),
    });
  }

  async #take(id: SnapshotId, { id: session, layer, note }: NotedLayer, wish: SnapshotWish): Promise<Snapshot> {
    const { folder, program, clock, seals } = this.#parts;
    await seals?.expectKey();
    const { name, keepMs, mostBytes, mostEntries, mostTotalBytes, signal, onProgress } = wish;
    const madeAtMs = clock.now();
    await this.#make(this.#upper(id));
    try {
      await using open = await openedLayer(layer, signal);
      await using to = await OpenFolder.at(this.#upper(id));
      const copied = await copyChanges(open.layer, to, { program, mostBytes, mostEntries, signal, onProgress });
      refuseTooLarge(copied, mostTotalBytes);
      await carryMarks(open.layer, { folder: join(folder, id), upper: this.#upper(id) });
      const digest = await this.#digest(to, mostEntries + 1, signal);
      const { project, sinceNs, apiKey } = note;
      const snapshot: Snapshot = {
        ...{ version: 1, id, session, madeAtMs, untilMs: madeAtMs + keepMs, project, sinceNs, digest },
        ...copied,
        ...(name === undefined ? {} : { name }),
        ...(apiKey === undefined ? {} : { apiKey }),
      };
      if (seals?.isOn === true) return await sealSnapshot(snapshot, this.#layerOf(snapshot), { folder, seals }, signal);
      await writeSnapshotNote(folder, snapshot);
      return snapshot;
    } catch (error) {
      await this.#remove(id);
      throw error;
    }
  }

  async #digest(copy: OpenFolder, mostEntries: number, signal: AbortSignal): Promise<string> {
    const { program, digestWithinMs: withinMs = digestWithinMs } = this.#parts;
    const inTime = AbortSignal.timeout(withinMs);
    try {
      return await digestOf(copy, { program, mostEntries, signal: AbortSignal.any([signal, inTime]) });
    } catch (cause) {
      if (signal.aborted || !inTime.aborted) throw cause;
      throw new PaddockError('SNAPSHOT_FAILED', 'it takes too long to read all that the session has written', {
        cause,
      });
    }
  }

  async #make(
    path: string,
    make: (path: string) => Promise<unknown> = (one) => mkdir(one, { recursive: true, mode: 0o700 }),
  ): Promise<void> {
    try {
      await make(path);
    } catch (cause) {
      throw new PaddockError('STATE_UNWRITABLE', `the folder ${path} could not be made`, { cause });
    }
  }

  #upper(id: string): string {
    return join(this.#parts.folder, id, 'upper');
  }

  async #remove(id: string): Promise<void> {
    await removeTree(join(this.#parts.folder, id));
  }
}
