import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { AuditRecorder } from '../audit/audit-log.js';
import { audited } from '../audit/audited.js';
import { plain } from '../audit/redaction.js';
import { PaddockError, SessionError } from '../core/errors.js';
import { isSnapshotId, type SnapshotId, sessionIdPattern, snapshotIdPattern } from '../core/ids.js';
import type { Clock } from '../kit/clock.js';
import { readNote, writeNote } from '../kit/note-file.js';
import { OpenFolder } from '../kit/open-folder.js';
import { newSnapshotId } from '../kit/random-id.js';
import { removeTree } from '../kit/remove-tree.js';
import { copyLayer } from '../workspace/copy-layer.js';
import { digestOf } from '../workspace/layer-digest.js';
import { hostObject } from '../workspace/layer-note.js';
import { isThere, whenFree, whileCopied } from './changes/own-layer.js';
import type { LayerOrigin } from './layer-origin.js';
import type { NotedLayer } from './layers.js';

const noteName = 'snapshot.json';
const count = z.number().int().nonnegative();

const noteSchema = z.strictObject({
  version: z.literal(1),
  id: z.string().regex(snapshotIdPattern),
  name: z.string().optional(),
  session: z.string().regex(sessionIdPattern),
  /** Epoch milliseconds. */
  madeAtMs: z.number(),
  untilMs: z.number(),
  project: hostObject,
  sinceNs: z.string().regex(/^\d{1,25}$/),
  entries: count,
  /** Content that takes room of its own. */
  bytes: count,
  /** What could not be copied: sockets, devices, what its owner can't read. */
  leftOut: count,
  /** SHA-256 over all of it, which the audit log has as well. */
  digest: z.string().regex(/^[0-9a-f]{64}$/),
});

/** What a session had written beside its project at one time. */
export type Snapshot = z.infer<typeof noteSchema>;

export interface SnapshotWish {
  readonly name?: string | undefined;
  readonly keepMs: number;
  readonly mostBytes: number;
  readonly mostEntries: number;
  readonly signal: AbortSignal;
}

export interface SnapshotParts {
  /** `snapshots` in the state folder. */
  readonly folder: string;
  /** paddock-init, as a program of this host. */
  readonly program: string;
  readonly clock: Clock;
  readonly audit: AuditRecorder;
}

/** The snapshots of this user: folders of ours, each with a copy of what a session had written and a note about it. */
export class Snapshots {
  readonly #parts: SnapshotParts;

  constructor(parts: SnapshotParts) {
    this.#parts = parts;
  }

  /**
   * Copies what a session has written, running or over; in a running one each file is as it was at one moment. Errors: SNAPSHOT_FAILED,
   * LAYER_BUSY, INIT_MISSING, STATE_UNWRITABLE, LIMIT_REACHED (the name is taken), AUDIT_UNWRITABLE, an AbortError.
   */
  async take(layer: NotedLayer, wish: SnapshotWish): Promise<Snapshot> {
    const { name, signal } = wish;
    const { clock } = this.#parts;
    if (name !== undefined && (await this.list()).some((one) => one.name === name)) {
      throw new SessionError('LIMIT_REACHED', `there is a snapshot ${name} already`, {
        hint: 'Give it another name, or remove that one.',
        info: { ruleId: 'snapshot.name-taken' },
      });
    }
    const id = newSnapshotId();
    return audited(this.#parts.audit, {
      action: 'snapshot.take',
      session: layer.id,
      details: { snapshot: plain(id) },
      run: () => whileCopied(layer.layer.folder, { clock, signal }, () => this.#take(id, layer, wish)),
      describe: ({ digest, entries, bytes }) => ({ digest: plain(digest), entries, bytes }),
      undo: () => this.#remove(id),
    });
  }

  /** Oldest first. */
  async list(): Promise<readonly Snapshot[]> {
    const ids = (await readdir(this.#parts.folder).catch((): string[] => [])).filter(isSnapshotId);
    const notes = await Promise.all(ids.map((id) => this.#read(id)));
    return notes.filter((one) => one !== undefined).sort((a, b) => a.madeAtMs - b.madeAtMs);
  }

  /** That of an id or a name. Errors: NO_SUCH_SNAPSHOT. */
  async get(idOrName: string): Promise<Snapshot> {
    const found = (await this.list()).find(({ id, name }) => id === idOrName || name === idOrName);
    if (found === undefined) throw new SessionError('NO_SUCH_SNAPSHOT', 'there is no such snapshot');
    return found;
  }

  /** What a session begins with that is made from it. */
  originOf({ id, project, sinceNs }: Snapshot): LayerOrigin {
    const folder = join(this.#parts.folder, id);
    return { from: `snapshot ${id}`, folder, upper: this.#upper(id), project, sinceNs: BigInt(sinceNs) };
  }

  /** Errors: LAYER_BUSY (a session that begins with it is being made), AUDIT_UNWRITABLE. */
  async remove(snapshot: Snapshot): Promise<void> {
    const folder = join(this.#parts.folder, snapshot.id);
    const patience = { clock: this.#parts.clock, waitMs: 10_000 };
    if ((await whenFree(folder, patience, () => this.#removeNoted(snapshot))) || !(await isThere(folder))) return;
    throw new PaddockError('LAYER_BUSY', 'a session is being made that begins with that snapshot');
  }

  #removeNoted({ id, session }: Snapshot): Promise<void> {
    const details = { snapshot: plain(id) };
    return audited(this.#parts.audit, { action: 'snapshot.remove', session, details, run: () => this.#remove(id) });
  }

  /** Removes those whose time is over, and what a crash has left half made; returns the paths. */
  async sweep(isDryRun: boolean): Promise<readonly string[]> {
    const { folder, clock } = this.#parts;
    const swept: string[] = [];
    for (const id of (await readdir(folder).catch((): string[] => [])).filter(isSnapshotId)) {
      const snapshot = await this.#read(id);
      const isOver = snapshot === undefined ? await isOld(join(folder, id), clock) : snapshot.untilMs <= clock.now();
      if (!isOver) continue;
      const remove = () => (snapshot === undefined ? this.#remove(id) : this.#removeNoted(snapshot));
      if (isDryRun || (await whenFree(join(folder, id), { clock, waitMs: 0 }, remove))) swept.push(join(folder, id));
    }
    return swept;
  }

  async #take(id: SnapshotId, { id: session, layer, note }: NotedLayer, wish: SnapshotWish): Promise<Snapshot> {
    const { folder, program, clock } = this.#parts;
    const { name, keepMs, mostBytes, mostEntries, signal } = wish;
    const madeAtMs = clock.now();
    try {
      await mkdir(this.#upper(id), { recursive: true, mode: 0o700 });
    } catch (cause) {
      throw new PaddockError('STATE_UNWRITABLE', `a folder in ${folder} could not be made`, { cause });
    }
    try {
      await using from = await OpenFolder.at(layer.upper);
      await using to = await OpenFolder.at(this.#upper(id));
      const copied = await copyLayer(from, to, { program, mostBytes, mostEntries, signal });
      const digest = await digestOf(to, { program, mostEntries: mostEntries + 1, signal });
      const { project, sinceNs } = note;
      const snapshot: Snapshot = {
        ...{ version: 1, id, session, madeAtMs, untilMs: madeAtMs + keepMs, project, sinceNs, digest },
        ...copied,
        ...(name === undefined ? {} : { name }),
      };
      await writeNote(join(folder, id, noteName), snapshot);
      return snapshot;
    } catch (error) {
      await this.#remove(id);
      throw error;
    }
  }

  async #read(id: SnapshotId): Promise<Snapshot | undefined> {
    const snapshot = await readNote(join(this.#parts.folder, id, noteName), noteSchema);
    return snapshot?.id === id ? snapshot : undefined;
  }

  #upper(id: string): string {
    return join(this.#parts.folder, id, 'upper');
  }

  async #remove(id: string): Promise<void> {
    await removeTree(join(this.#parts.folder, id));
  }
}

/** A younger one may be being made. */
const graceMs = 3_600_000;

async function isOld(path: string, clock: Clock): Promise<boolean> {
  await using folder = await OpenFolder.at(path);
  const { mtimeMs } = await folder.stat();
  return clock.now() - Number(mtimeMs) >= graceMs;
}
