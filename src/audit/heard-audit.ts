import type { ErrorCode } from '../core/errors.js';
import type { AuditFields, AuditIntent, AuditLog, AuditRecorder } from './audit-log.js';
import type { Details } from './redaction.js';

/** One record, as it was asked for. */
export interface HeardRecord extends AuditFields {
  readonly phase: 'intent' | 'outcome' | 'event';
  readonly action: string;
  readonly result?: 'ok' | ErrorCode;
  /** Of an outcome: the details of its intent. */
  readonly intended?: Details;
  /** Of an intent and its outcome: the same for both. */
  readonly id?: string;
  /** How long writing it took. */
  readonly durationMs: number;
  /** Whether it was written; where not, nothing was done either, or what was done is not on record. */
  readonly isWritten: boolean;
}

/** Told of every record once it was written, or could not be. Must not throw. */
export type OnRecord = (record: HeardRecord) => void;

/** The same log, and somebody who hears what goes into it. */
export function heardAudit(log: AuditLog, onRecord: OnRecord): AuditLog {
  return { ...heard(log, onRecord), path: log.path, [Symbol.asyncDispose]: () => log[Symbol.asyncDispose]() };
}

function heard(recorder: AuditRecorder, onRecord: OnRecord): AuditRecorder {
  const tell = async <T>(
    writing: Promise<T>,
    record: Omit<HeardRecord, 'isWritten' | 'durationMs'>,
    idOf?: (written: T) => string,
  ): Promise<T> => {
    const startedMs = performance.now();
    let written: T;
    try {
      written = await writing;
    } catch (error) {
      onRecord({ ...record, isWritten: false, durationMs: performance.now() - startedMs });
      throw error;
    }
    const durationMs = performance.now() - startedMs;
    onRecord({ ...record, ...(idOf && { id: idOf(written) }), isWritten: true, durationMs });
    return written;
  };
  return {
    intent: async (action, fields = {}) => {
      const intent = await tell(
        recorder.intent(action, fields),
        { ...fields, phase: 'intent', action },
        ({ id }) => id,
      );
      const { session, details: intended } = fields;
      const of = {
        id: intent.id,
        ...(session !== undefined && { session }),
        ...(intended !== undefined && { intended }),
      };
      const outcome: AuditIntent['outcome'] = (result, more = {}) =>
        tell(intent.outcome(result, more), { ...of, ...more, phase: 'outcome', action, result });
      return { id: intent.id, outcome };
    },
    event: (action, fields = {}) => tell(recorder.event(action, fields), { ...fields, phase: 'event', action }),
    forCaller: (caller) => heard(recorder.forCaller(caller), onRecord),
  };
}
