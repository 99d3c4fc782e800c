import type { Clock } from '../../kit/clock.js';
import type { Alarm, AlarmKind, AlarmNotice, AlarmSink, AlarmView } from './alarm.js';

/** Of one session; older ones are in the audit log. */
const keptAlarms = 20;

/** The alarms of one process: which are in force, and the last ones of each session. Each is told once, and again when it had cleared or is worse. */
export class AlarmBook implements AlarmSink {
  readonly #clock: Clock;
  readonly #onAlarm: (alarm: Alarm) => void;
  readonly #inForce = new Map<string, Alarm>();
  readonly #kept = new Map<string, Alarm[]>();

  constructor(clock: Clock, onAlarm: (alarm: Alarm) => void) {
    this.#clock = clock;
    this.#onAlarm = onAlarm;
  }

  raise(notice: AlarmNotice): void {
    const key = keyOf(notice.kind, notice.session);
    const inForce = this.#inForce.get(key);
    // A warning that came first would hide what is critical, also from who is told of nothing else.
    if (inForce !== undefined && (inForce.level === 'critical' || notice.level === 'warning')) return;
    const alarm = { ...notice, atMs: this.#clock.now() };
    this.#inForce.set(key, alarm);
    const kept = this.#kept.get(notice.session ?? '') ?? [];
    this.#kept.set(notice.session ?? '', [...kept, alarm].slice(-keptAlarms));
    this.#onAlarm(alarm);
  }

  clear(kind: AlarmKind, session?: string): void {
    this.#inForce.delete(keyOf(kind, session));
  }

  /** The alarms of a session, oldest first. */
  of(session: string): readonly AlarmView[] {
    return (this.#kept.get(session) ?? []).map((alarm) => {
      const { kind, level, atMs, text, values } = alarm;
      const inForce = this.#inForce.get(keyOf(kind, session)) === alarm;
      return { kind, level, atMs, text, values, inForce };
    });
  }

  /** The session has ended. */
  forget(session: string): void {
    for (const { kind } of this.#kept.get(session) ?? []) this.clear(kind, session);
    this.#kept.delete(session);
  }
}

function keyOf(kind: AlarmKind, session = ''): string {
  return `${kind} ${session}`;
}
