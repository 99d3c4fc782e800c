import type { AuditFields, AuditRecorder } from '../../../../src/audit/audit-log.js';
import { AuditError } from '../../../../src/core/errors.js';

/** An audit log in memory: one line `action session result` per finished intent. */
export class InMemoryAudit implements AuditRecorder {
  readonly lines: string[] = [];
  /** The rules that intents named. */
  readonly rules: string[] = [];
  readonly events: string[] = [];
  isFull = false;

  intent(action: string, fields: AuditFields = {}): ReturnType<AuditRecorder['intent']> {
    if (this.isFull) return Promise.reject(new AuditError('AUDIT_UNWRITABLE', 'the disk is full'));
    if (fields.rule !== undefined) this.rules.push(fields.rule);
    const outcome = (result: string) => {
      this.lines.push(`${action} ${fields.session ?? '-'} ${result}`);
      return Promise.resolve();
    };
    return Promise.resolve({ id: String(this.lines.length), outcome });
  }

  event(action: string, fields: AuditFields & { readonly result?: string } = {}): Promise<void> {
    if (this.isFull) return Promise.reject(new AuditError('AUDIT_UNWRITABLE', 'the disk is full'));
    this.events.push([action, fields.session, fields.rule, fields.result].filter((one) => one !== undefined).join(' '));
    return Promise.resolve();
  }

  forCaller(): AuditRecorder {
    return this;
  }
}
