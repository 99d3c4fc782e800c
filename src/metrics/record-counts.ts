import type { HeardRecord } from '../audit/heard-audit.js';
import { type Details, Plain } from '../audit/redaction.js';
import type { Clock } from '../kit/clock.js';
import type { Instruments } from './instruments.js';
import type { ModelUse, Traffic } from './traffic.js';

export interface RecordCountsParts {
  readonly instruments: Instruments;
  readonly clock: Clock;
  readonly traffic: Traffic;
  /** The session is over: nothing more will be heard of it. */
  readonly onOver: (session: string) => void;
}

/** Counts by what goes into the audit log: nothing is done without a record, so nothing is missed. */
export class RecordCounts {
  readonly #parts: RecordCountsParts;
  /** When sessions, and what makes them, began; on the monotonic clock. */
  readonly #begun = new Map<string, number>();

  constructor(parts: RecordCountsParts) {
    this.#parts = parts;
  }

  heard(record: HeardRecord): void {
    const { records, auditFailures, auditWritable } = this.#parts.instruments;
    if (record.isWritten) records.inc({ phase: record.phase });
    else auditFailures.inc();
    auditWritable.set(record.isWritten ? 1 : 0);
    if (record.action === 'session.create') this.#onCreate(record);
    else if (record.action === 'session.destroy' || record.action === 'session.expire') this.#onEnd(record);
    else if (record.action === 'command.run' || record.action === 'command.take-over') this.#onCommand(record);
    else if (record.action === 'tool.refused') this.#onRefused(record);
    else if (record.session !== undefined) this.#onTraffic(record, record.session);
  }

  #onCreate({ phase, session = '', result = 'INTERNAL', isWritten }: HeardRecord): void {
    const { instruments, clock, onOver } = this.#parts;
    const nowMs = clock.monotonic();
    if (phase === 'intent') {
      if (isWritten) this.#begun.set(session, nowMs);
      return;
    }
    instruments.created.inc({ result: isWritten ? result : 'AUDIT_UNWRITABLE' });
    if (result === 'ok' && isWritten) {
      instruments.startSeconds.observe((nowMs - (this.#begun.get(session) ?? nowMs)) / 1000);
      this.#begun.set(session, nowMs);
    } else {
      this.#begun.delete(session);
      onOver(session);
    }
  }

  #onEnd({ action, phase, session = '', result, intended }: HeardRecord): void {
    if (phase !== 'outcome' || result !== 'ok') return;
    const { instruments, clock, onOver } = this.#parts;
    const begunMs = this.#begun.get(session);
    // One that was idle ends first, and is cleared away later.
    if (begunMs !== undefined) {
      const reason = action === 'session.expire' ? 'idle' : (wordOf(intended, 'because') ?? 'asked');
      instruments.ended.inc({ reason });
      instruments.lifeSeconds.observe((clock.monotonic() - begunMs) / 1000);
      this.#begun.delete(session);
    }
    if (action === 'session.destroy') onOver(session);
  }

  #onCommand({ phase, result, details }: HeardRecord): void {
    if (phase !== 'outcome') return;
    const { commands, commandSeconds } = this.#parts.instruments;
    commands.inc({ reason: result === 'ok' ? (wordOf(details, 'reason') ?? 'failed') : 'failed' });
    const durationMs = details?.['durationMs'];
    if (typeof durationMs === 'number') commandSeconds.observe(durationMs / 1000);
  }

  #onRefused({ result }: HeardRecord): void {
    this.#parts.instruments.refusedCalls.inc({ code: result ?? 'INTERNAL' });
  }

  /** The sums at the end: what came after the last look. */
  #onTraffic({ action, details }: HeardRecord, session: string): void {
    const { traffic } = this.#parts;
    if (action === 'egress.end') {
      const connections = numberOf(details, 'connections');
      const [bytesIn, bytesOut] = [numberOf(details, 'bytesIn'), numberOf(details, 'bytesOut')];
      traffic.connections(session, { total: connections, bytesIn, bytesOut });
    } else if (action === 'broker.end') traffic.models(session, [modelUse(details)]);
  }
}

function modelUse(details: Details | undefined): ModelUse {
  const tokens = details?.['tokens'];
  return {
    provider: wordOf(details, 'route') ?? 'other',
    name: `${wordOf(details, 'route') ?? ''} ${wordOf(details, 'model') ?? ''} ${wordOf(details, 'key') ?? ''}`,
    requests: numberOf(details, 'requests'),
    unpriced: numberOf(details, 'unpriced'),
    microUsd: numberOf(details, 'microUsd'),
    tokens: Object.fromEntries(
      Object.entries(tokens ?? {}).flatMap(([kind, count]: [string, unknown]) =>
        typeof count === 'number' ? [[kind, count]] : [],
      ),
    ),
  };
}

function wordOf(details: Details | undefined, key: string): string | undefined {
  const value = details?.[key];
  return value instanceof Plain ? value.text : undefined;
}

function numberOf(details: Details | undefined, key: string): number {
  const value = details?.[key];
  return typeof value === 'number' ? value : 0;
}
