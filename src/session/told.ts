import type { AuditRecorder } from '../audit/audit-log.js';
import type { SessionId } from '../core/ids.js';

export interface ToldParts {
  readonly id: SessionId;
  readonly audit: AuditRecorder;
}

/** Events of a session that are written while it goes on, with nobody to wait for each. Once one could not be, the log counts as unwritable. */
export class Told {
  readonly #parts: ToldParts;
  #isBroken = false;
  #written: Promise<void> = Promise.resolve();

  constructor({ id, audit }: ToldParts) {
    this.#parts = { id, audit };
  }

  get isBroken(): boolean {
    return this.#isBroken;
  }

  write(action: string, fields: Parameters<AuditRecorder['event']>[1]): void {
    const { id, audit } = this.#parts;
    const written = audit.event(action, { session: id, ...fields }).catch(() => {
      this.#isBroken = true;
    });
    this.#written = Promise.all([this.#written, written]).then(() => undefined);
  }

  /** Never rejects: everything so far has been written, or could not be. */
  settled(): Promise<void> {
    return this.#written;
  }
}
