import { AuditError } from '../core/errors.js';
import type { Clock } from '../kit/clock.js';
import { AuditFile } from './audit-file.js';
import { Chain, type Draft } from './chain.js';
import type { FileTail } from './file-tail.js';
import {
  type AuditCaller,
  type AuditRecord,
  type ChainPosition,
  type ChainWriterIdentity,
  closeAction,
  openAction,
} from './record.js';

export interface ChainWriterOptions {
  readonly path: string;
  readonly createParent: boolean;
  readonly caller: AuditCaller;
  readonly writer: ChainWriterIdentity;
  readonly clock: Clock;
}

interface OpenChain {
  readonly file: AuditFile;
  readonly chain: Chain;
}

/**
 * Appends records one after the other. After any failed write the file and the chain are given up; the next append has
 * to open the file anew and begin a chain there, durably, which names where the old one stopped, before its own record.
 * So an action is refused for as long as the log can't be proven writable, and not a moment longer.
 */
export class ChainWriter implements AsyncDisposable {
  readonly #options: ChainWriterOptions;
  #open: OpenChain | undefined;
  #continues: ChainPosition | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #disposed = false;

  constructor(options: ChainWriterOptions) {
    this.#options = options;
  }

  /** Opens the file and writes the first record. AUDIT_UNWRITABLE, or AUDIT_BROKEN when the file is not an audit log. */
  start(): Promise<void> {
    return this.#enqueue(async () => {
      await this.#opened();
    });
  }

  /** Appends one record; with `isDurable` returns when it is on the disk. AUDIT_UNWRITABLE. */
  async append(draft: Draft, isDurable: boolean): Promise<AuditRecord> {
    const { open, record } = await this.#enqueue(async () => {
      if (this.#disposed) throw new AuditError('AUDIT_UNWRITABLE', 'the audit log has been closed');
      const target = await this.#opened();
      return { open: target, record: await this.#write(target, draft) };
    });
    // Outside the queue, so that records written meanwhile share one fdatasync.
    if (isDurable) await this.#sync(open);
    return record;
  }

  /** Writes the closing record and closes the file; nothing can be appended afterwards. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#enqueue(async () => {
      const open = this.#open;
      if (this.#disposed || !open) return;
      this.#disposed = true;
      await this.#write(open, { phase: 'event', action: closeAction, caller: this.#options.caller });
      await this.#sync(open);
      await this.#giveUp(open);
    });
    this.#disposed = true;
  }

  async #opened(): Promise<OpenChain> {
    if (this.#open) return this.#open;
    const { path, createParent, caller, writer } = this.#options;
    const file = await AuditFile.open(path, createParent);
    const open = { file, chain: new Chain() };
    this.#open = open;
    const continues = this.#continues === undefined ? {} : { continues: this.#continues };
    await this.#write(open, { phase: 'event', action: openAction, caller, writer, ...continues });
    await this.#sync(open);
    return open;
  }

  async #write(open: OpenChain, draft: Draft): Promise<AuditRecord> {
    const tail = await this.#giveUpOnFailure(open, () => this.#settledTail(open));
    // A record that can't be made is the caller's mistake and costs the chain nothing.
    const sealed = open.chain.seal(draft, this.#options.clock.now(), tail);
    await this.#giveUpOnFailure(open, () => open.file.append(sealed.bytes));
    open.chain.advance(sealed);
    return sealed.record;
  }

  /**
   * An append of another writer shows up in steps when it crosses a page, so a torn end is looked at again for a
   * while. Taking a slow append for a torn one does no harm: ours lands behind it, with an empty line between.
   */
  async #settledTail({ file, chain }: OpenChain): Promise<FileTail> {
    let tail = file.inspect(chain.lineSha256);
    for (let round = 0; tail.isTorn && round < 5; round += 1) {
      await this.#options.clock.sleep(2);
      tail = file.inspect(chain.lineSha256);
    }
    return tail;
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
