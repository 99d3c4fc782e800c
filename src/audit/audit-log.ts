import type { z } from 'zod';
import { AuditError, type ErrorCode, PaddockError } from '../core/errors.js';
import type { Clock } from '../kit/clock.js';
import { type ProcessIdentity, readProcessIdentity } from '../kit/process-identity.js';
import type { AnchorOptions } from './anchor/anchor-writer.js';
import type { Draft } from './chain.js';
import { ChainWriter } from './chain-writer.js';
import { sealed } from './erasure/sealed-fields.js';
import type { SessionKeys } from './erasure/session-keys.js';
import type { ForwardState } from './forward/forwarder.js';
import type { ForwardOptions } from './forward/forwarding.js';
import { type Heads, openHeads } from './heads.js';
import { type AuditCaller, actionPattern, callerSchema, type EncryptedFields, rulePattern } from './record.js';
import { type Details, detailsToJson, loggable } from './redaction.js';
import type { RotationLimits } from './rotation.js';

/** What a record says beside its action. Free text never: see `Details`. */
export interface AuditFields {
  readonly session?: string;
  readonly verdict?: 'allow' | 'deny';
  /** The id of the rule that decided. */
  readonly rule?: string;
  readonly details?: Details;
  readonly enc?: EncryptedFields;
}

/** The key of a session is destroyed, and with it what was personal in its records. */
export const forgetAction = 'audit.forget';

export interface AuditIntent {
  /** Links the outcome to the intent. */
  readonly id: string;
  /** Records how it ended; once. AUDIT_UNWRITABLE when it can't be: the action has happened all the same. */
  outcome(result: 'ok' | ErrorCode, fields?: Omit<AuditFields, 'session'>): Promise<void>;
}

export interface AuditRecorder {
  /**
   * Says what is about to be done, and returns when that is on the disk. AUDIT_UNWRITABLE when it can't be written:
   * then the action must not happen.
   */
  intent(action: string, fields?: AuditFields): Promise<AuditIntent>;
  /** Says what happened. On the disk on return if it is a denial, otherwise with the next intent. AUDIT_UNWRITABLE. */
  event(action: string, fields?: AuditFields & { readonly result?: 'ok' | ErrorCode }): Promise<void>;
  /** The same log for records of another client or key. */
  forCaller(caller: Pick<AuditCaller, 'client' | 'keyHash'>): AuditRecorder;
}

/** Closing it writes the last record of the chain. */
export interface AuditLog extends AuditRecorder, AsyncDisposable {
  readonly path: string;
}

export interface OpenAuditOptions {
  /** Absolute path of the file; made with mode 0600 when missing. */
  readonly path: string;
  /** Whether missing folders are made (0700): for the default place only, so that a mistyped path shows. */
  readonly createParent: boolean;
  readonly caller: AuditCaller;
  /** Paddock's version. */
  readonly version: string;
  readonly clock: Clock;
  /** When the log goes on in another file, and how many are kept. Left out: never, and all. */
  readonly rotation?: RotationLimits;
  /** Where heads of the log are written to, signed. Left out: nowhere. */
  readonly anchor?: AnchorOptions;
  /** Where they are sent as they are made; with `anchor` only, which says how often. Left out: nowhere. */
  readonly forward?: ForwardOptions;
  /** Left out: nothing of a session is encrypted. */
  readonly keys?: SessionKeys;
  /** Told, in one line, what does not work although records are written. */
  readonly onTrouble?: (what: string) => void;
}

/**
 * Opens the log and writes, durably, the first record of a new chain. The caller disposes. AUDIT_UNWRITABLE when the
 * file is not a private regular file of ours or can't be written, AUDIT_BROKEN when it does not end like an audit log,
 * AUDIT_NOT_FORWARDED when it is to be forwarded and can't be.
 */
export async function openAudit(options: OpenAuditOptions): Promise<AuditLog> {
  const identity = await readProcessIdentity();
  if (!identity) throw new AuditError('AUDIT_UNWRITABLE', 'this process could not be identified in /proc');
  const caller = cleanCaller(options.caller);
  const { path, createParent, clock, rotation, onTrouble } = options;
  const heads = await openHeads(options, (state) => log.forwarding(state));
  const writer = new ChainWriter({
    ...{ path, createParent, caller, clock, rotation, onTrouble },
    onAppended: (bytes) => heads.appended(bytes),
    writer: { ...writerOf(identity), version: options.version },
  });
  const log = new FileAuditLog(path, writer, caller, heads, options.keys);
  try {
    await writer.start();
  } catch (error) {
    await heads[Symbol.asyncDispose]();
    throw error;
  }
  return log;
}

/** As records have it: which namespace the number is of is none of theirs. */
function writerOf({ pid, startTimeTicks, bootId }: ProcessIdentity) {
  return { pid, startTimeTicks, bootId };
}

class Recorder implements AuditRecorder {
  readonly #writer: ChainWriter;
  readonly #caller: AuditCaller;
  readonly #keys: SessionKeys | undefined;

  constructor(writer: ChainWriter, caller: AuditCaller, keys: SessionKeys | undefined) {
    this.#keys = keys;
    this.#writer = writer;
    this.#caller = caller;
  }

  async intent(action: string, fields: AuditFields = {}): Promise<AuditIntent> {
    const draft = this.#draft('intent', action, { verdict: 'allow', ...fields });
    const { id } = await this.#writer.append(draft, true);
    if (id === undefined) throw new AuditError('INTERNAL', 'an intent was recorded without an id');
    let isOpen = true;
    return {
      id,
      outcome: async (result, more = {}) => {
        if (!isOpen) throw new AuditError('INTERNAL', `the outcome of ${action} was recorded twice`);
        isOpen = false;
        const session = fields.session === undefined ? {} : { session: fields.session };
        await this.#writer.append({ ...this.#draft('outcome', action, { ...session, ...more }), id, result }, false);
      },
    };
  }

  async event(action: string, fields: AuditFields & { readonly result?: 'ok' | ErrorCode } = {}): Promise<void> {
    const { result, ...rest } = fields;
    const draft = this.#draft('event', action, rest);
    await this.#writer.append(result === undefined ? draft : { ...draft, result }, fields.verdict === 'deny');
  }

  forCaller(caller: Pick<AuditCaller, 'client' | 'keyHash'>): AuditRecorder {
    return new Recorder(this.#writer, cleanCaller({ ...this.#caller, ...caller }), this.#keys);
  }

  #draft(phase: Draft['phase'], action: string, fields: AuditFields): Draft {
    if (!actionPattern.test(action) || action.startsWith('log.') || !rulePattern.test(fields.rule ?? 'none')) {
      throw new PaddockError('INTERNAL', 'an action or a rule has a name that the audit log does not take');
    }
    const { details, ...rest } = fields;
    const json = details ? { details: detailsToJson(details) } : {};
    const draft = { ...rest, phase, action, caller: this.#caller, ...json };
    // Who had a session forgotten is to be seen after that.
    return this.#keys === undefined || action === forgetAction ? draft : sealed(draft, this.#keys);
  }
}

class FileAuditLog extends Recorder implements AuditLog {
  readonly path: string;
  readonly #chainWriter: ChainWriter;
  readonly #heads: Heads;

  constructor(path: string, writer: ChainWriter, caller: AuditCaller, heads: Heads, keys: SessionKeys | undefined) {
    super(writer, caller, keys);
    this.path = path;
    this.#chainWriter = writer;
    this.#heads = heads;
  }

  /** On record that lines of it don't arrive elsewhere, or do again. */
  forwarding({ isOk, lost }: ForwardState): void {
    const result = isOk ? 'ok' : 'AUDIT_NOT_FORWARDED';
    // Where the log can't be written either, the next intent says so.
    this.event('audit.forward', { result, details: { lost } }).catch(() => undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#chainWriter[Symbol.asyncDispose]();
    } finally {
      await this.#heads[Symbol.asyncDispose]();
    }
  }
}

/** The client names itself, so its name is foreign text: made safe and short rather than refused. */
function cleanCaller(caller: z.input<typeof callerSchema>): AuditCaller {
  const { uid, user, client, keyHash } = caller;
  return callerSchema.parse({
    uid,
    user: loggable(user, 64) || `uid-${uid}`,
    ...(client ? { client: { name: loggable(client.name, 64), version: loggable(client.version, 32) } } : {}),
    ...(keyHash === undefined ? {} : { keyHash }),
  });
}
