import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { AuditError } from '../../core/errors.js';
import { codeOf } from '../../kit/error-code.js';
import { randomBase32 } from '../../kit/random-id.js';
import { safeLine } from '../../kit/safe-text.js';
import { checkFile } from '../file-checks.js';

const keyBytes = 32;

/**
 * One key for each session, in a folder (0700) of files (0600) named by session; a note takes the place of a key that was
 * destroyed, so that nobody makes another. Read anew for each record: whoever kept one would go on using it after that.
 * Ids are taken to be those of sessions, which are names of files as they are.
 */
export class SessionKeys {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The session's key, made when there is none; undefined once it was destroyed. AUDIT_UNWRITABLE. */
  forWriting(session: string): Buffer | undefined {
    try {
      if (this.isForgotten(session)) return undefined;
      return this.find(session) ?? this.#make(session);
    } catch (error) {
      throw this.#failed(session, error);
    }
  }

  /** Undefined when there is none here, or none any more. */
  find(session: string): Buffer | undefined {
    const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
    let file: number;
    try {
      file = openSync(this.#keyPath(session), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw this.#failed(session, error);
    }
    try {
      const stats = fstatSync(file);
      // For a moment, one that is being made has two names.
      if (stats.nlink === 1) checkFile(this.#keyPath(session), stats);
      const key = readFileSync(file);
      if (key.length !== keyBytes) throw new Error(`it has ${key.length} bytes`);
      return key;
    } catch (error) {
      throw this.#failed(session, error);
    } finally {
      closeSync(file);
    }
  }

  isForgotten(session: string): boolean {
    return existsSync(this.#notePath(session));
  }

  /** Destroys the key for good. AUDIT_UNWRITABLE when that could not be done, or not be made to last. */
  forget(session: string): void {
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      // The note first: a writer that makes a key at this moment sees it afterwards, and takes its key back.
      writeFileSync(this.#notePath(session), '', { mode: 0o600 });
      this.#syncFolder();
      // Also what a writer left that was killed while it made the key: the same key, under another name.
      const drafts = readdirSync(this.#folder).filter(
        (name) => name.startsWith(`${session}.`) && name.endsWith('.tmp'),
      );
      for (const name of [`${session}.key`, ...drafts]) rmSync(join(this.#folder, name), { force: true });
      this.#syncFolder();
    } catch (error) {
      throw this.#failed(session, error);
    }
  }

  #make(session: string): Buffer | undefined {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const fresh = join(this.#folder, `${session}.${randomBase32(8)}.tmp`);
    const file = openSync(fresh, 'ax', 0o600);
    try {
      writeFileSync(file, randomBytes(keyBytes));
      fsyncSync(file);
      linkSync(fresh, this.#keyPath(session));
    } catch (error) {
      // Another process was first: its key is the one.
      if (codeOf(error) !== 'EEXIST') throw error;
    } finally {
      closeSync(file);
      rmSync(fresh, { force: true });
    }
    this.#syncFolder();
    if (!this.isForgotten(session)) return this.find(session);
    rmSync(this.#keyPath(session), { force: true });
    return undefined;
  }

  #syncFolder(): void {
    const folder = openSync(this.#folder, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  }

  #keyPath(session: string): string {
    return join(this.#folder, `${session}.key`);
  }

  #notePath(session: string): string {
    return join(this.#folder, `${session}.forgotten`);
  }

  #failed(session: string, error: unknown): AuditError {
    if (error instanceof AuditError) return error;
    const why = safeLine(error instanceof Error ? error.message : String(error));
    return new AuditError('AUDIT_UNWRITABLE', `the audit key of ${session} can't be used: ${why}`, { cause: error });
  }
}
