import { AuditError } from '../core/errors.js';
import type { Clock } from '../kit/clock.js';
import { safeLine } from '../kit/safe-text.js';
import { AuditFile } from './audit-file.js';
import { Chain, type Draft } from './chain.js';
import type { FileTail } from './file-tail.js';
import { readFollows } from './follows.js';
import {
  type AuditCaller,
  type AuditRecord,
  type ChainPosition,
  type ChainWriterIdentity,
  closeAction,
  openAction,
  removeAction,
} from './record.js';
import { beginFile, findRemovable, isRotationDue, type RotationLimits, removeFiles } from './rotation.js';

export interface ChainWriterOptions {
  readonly path: string;
  readonly createParent: boolean;
  readonly caller: AuditCaller;
  readonly writer: ChainWriterIdentity;
  readonly clock: Clock;
  /** Left out: the log is one file, unless another writer of it begins a second. */
  readonly rotation?: RotationLimits | undefined;
  /** Has the bytes of each record, with their newline; behind one more where a torn line was closed. */
  readonly onAppended?: ((bytes: Buffer) => void) | undefined;
  /** Told, in one line, what does not work although records are written. */
  readonly onTrouble?: ((what: string) => void) | undefined;
}

interface OpenChain {
  readonly file: AuditFile;
  readonly chain: Chain;
  /** When the first record of the file was written. */
  begunMs: number;
}

/** How long a log that could not go on in another file, or be relieved of its oldest, is left as it is. */
const troubleMs = 60_000;

/**
 * Appends records one after the other. After any failed write the file and the chain are given up; the next append has
 * to open the file anew and begin a chain there, durably, which names where the old one stopped, before its own record.
 * So an action is refused for as long as the log can't be proven writable, and not a moment longer. A chain never goes
 * from one file into the next: where the log does, its writers begin other chains there, in the same way.
 */
export class ChainWriter implements AsyncDisposable {
  readonly #options: ChainWriterOptions;
  #open: OpenChain | undefined;
  #continues: ChainPosition | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #disposed = false;
  /** Monotonic; before it, neither rotation nor removal is tried again. */
  #troubledUntilMs = Number.NEGATIVE_INFINITY;

  constructor(options: ChainWriterOptions) {
    this.#options = options;
  }

  /** Opens the file and writes the first record. AUDIT_UNWRITABLE, or AUDIT_BROKEN when the file is not an audit log. */
  start(): Promise<void> {
    return this.#enqueue(async () => {
      await this.#opened();
      await this.#retain();
    });
  }

  /** Appends one record; with `isDurable` returns when it is on the disk. AUDIT_UNWRITABLE. */
  async append(draft: Draft, isDurable: boolean): Promise<AuditRecord> {
    const { open, record } = await this.#enqueue(async () => {
      if (this.#disposed) throw new AuditError('AUDIT_UNWRITABLE', 'the audit log has been closed');
      return await this.#writeNewest(await this.#current(), draft);
    });
    // Outside the queue, so that records written meanwhile share one fdatasync.
    if (isDurable) await this.#sync(open);
    return record;
  }

  /** Writes the closing record and closes the file; nothing can be appended afterwards. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#enqueue(async () => {
      if (this.#disposed || !this.#open) return;
      this.#disposed = true;
      const open = await this.#current();
      // Whoever removes the file at this very moment removes the whole chain.
      await this.#write(open, { phase: 'event', action: closeAction, caller: this.#options.caller });
      await this.#sync(open);
      await this.#giveUp(open);
    });
    this.#disposed = true;
  }

  async #opened(): Promise<OpenChain> {
    for (;;) {
      if (this.#open) return this.#open;
      const { path, createParent, caller, writer } = this.#options;
      const file = await AuditFile.open(path, createParent);
      const open = { file, chain: new Chain(), begunMs: file.begunMs() ?? Number.NaN };
      this.#open = open;
      const follows = await this.#giveUpOnFailure(open, () => readFollows(path, file.number));
      const from = { ...(this.#continues ? { continues: this.#continues } : {}), ...(follows ? { follows } : {}) };
      const record = await this.#write(open, { phase: 'event', action: openAction, caller, writer, ...from });
      if (record && Number.isNaN(open.begunMs)) open.begunMs = Date.parse(record.time);
      await this.#sync(open);
      if (await this.#isFollowed(open)) await this.#leave(open);
    }
  }

  /** The chain for the next record: in the newest file, and in another one when this is full or old. */
  async #current(): Promise<OpenChain> {
    const open = await this.#opened();
    const { rotation, clock } = this.#options;
    const isDue = rotation !== undefined && isRotationDue(open.file, open.begunMs, clock, rotation);
    const began = isDue && (await this.#trying('go on in another file', () => beginFile(open.file.next)));
    if (!(await this.#isFollowed(open))) return open;
    await this.#leave(open);
    await this.#opened();
    if (began === true) await this.#retain();
    return await this.#opened();
  }

  /**
   * Writes to a file that was the newest a moment ago. If it no longer is, the file that follows may name an earlier
   * line as the last of this one: the chain is carried there before anybody is told that the record is written.
   */
  async #writeNewest(from: OpenChain, draft: Draft): Promise<{ open: OpenChain; record: AuditRecord }> {
    for (let open = from; ; open = await this.#opened()) {
      const record = await this.#write(open, draft);
      if (record && !(await this.#isFollowed(open))) return { open, record };
      await this.#leave(open);
      if (record) return { open: await this.#opened(), record };
    }
  }

  /** Undefined when the file was removed meanwhile as one of the oldest, with whatever was written to it. */
  async #write(open: OpenChain, draft: Draft): Promise<AuditRecord | undefined> {
    const tail = await this.#giveUpOnFailure(open, () => this.#settledTail(open));
    if (tail === undefined) return undefined;
    // A record that can't be made is the caller's mistake and costs the chain nothing.
    const sealed = open.chain.seal(draft, this.#options.clock.now(), tail);
    await this.#giveUpOnFailure(open, () => open.file.append(sealed.bytes));
    open.chain.advance(sealed);
    this.#options.onAppended?.(sealed.bytes);
    return (await this.#giveUpOnFailure(open, () => open.file.isRemoved())) ? undefined : sealed.record;
  }

  /** Removes the oldest files beyond what is kept, and says so before. Nothing depends on its being done at once. */
  async #retain(): Promise<void> {
    const { path, clock, rotation, caller } = this.#options;
    if (rotation === undefined) return;
    const { files, bytes } = (await this.#trying('list its files', () => findRemovable(path, clock, rotation))) ?? {
      files: [],
      bytes: 0,
    };
    const last = files.at(-1);
    if (last === undefined) return;
    const what = { removed: { through: last.number }, details: { files: files.length, bytes } };
    const draft: Draft = { phase: 'event', action: removeAction, caller, ...what };
    const { open } = await this.#writeNewest(await this.#opened(), draft);
    await this.#sync(open);
    await this.#trying('remove its oldest files', () => removeFiles(files));
  }

  /** What the log can do without for a while. */
  async #trying<T>(what: string, step: () => T | Promise<T>): Promise<T | undefined> {
    const { clock, onTrouble } = this.#options;
    if (clock.monotonic() < this.#troubledUntilMs) return undefined;
    try {
      return await step();
    } catch (error) {
      this.#troubledUntilMs = clock.monotonic() + troubleMs;
      onTrouble?.(
        `the audit log could not ${what}: ${safeLine(error instanceof Error ? error.message : String(error))}`,
      );
      return undefined;
    }
  }

  /**
   * An append of another writer shows up in steps when it crosses a page, so a torn end is looked at again for a
   * while. Taking a slow append for a torn one does no harm: ours lands behind it, with an empty line between.
   */
  async #settledTail({ file, chain }: OpenChain): Promise<FileTail | undefined> {
    for (let round = 0; ; round += 1) {
      try {
        const tail = file.inspect(chain.lineSha256);
        if (!tail.isTorn || round === 5) return tail;
      } catch (error) {
        if (file.isRemoved()) return undefined;
        throw error;
      }
      await this.#options.clock.sleep(2);
    }
  }

  #isFollowed(open: OpenChain): Promise<boolean> {
    return this.#giveUpOnFailure(open, () => open.file.hasSuccessor());
  }

  #sync(open: OpenChain): Promise<void> {
    return this.#giveUpOnFailure(open, () => open.file.sync());
  }

  async #giveUpOnFailure<T>(open: OpenChain, step: () => T | Promise<T>): Promise<T> {
    try {
      return await step();
    } catch (error) {
      await this.#giveUp(open);
      throw error;
    }
  }

  /** The file is complete as far as we are concerned, and on the disk. */
  async #leave(open: OpenChain): Promise<void> {
    await this.#giveUpOnFailure(open, () => open.file.sync());
    if (this.#open !== open) return;
    this.#open = undefined;
    this.#continues = open.chain.position ?? this.#continues;
    await open.file.retire();
  }

  async #giveUp(open: OpenChain): Promise<void> {
    if (this.#open !== open) return;
    this.#open = undefined;
    this.#continues = open.chain.position ?? this.#continues;
    await open.file[Symbol.asyncDispose]();
  }

  #enqueue<T>(step: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(step);
    this.#queue = result.catch(() => undefined);
    return result;
  }
}
