import type { AuditRecorder } from '../audit/audit-log.js';
import { plain } from '../audit/redaction.js';
import type { Config } from '../config/load.js';
import { systemClock } from '../kit/clock.js';
import type { Disposables } from '../kit/disposables.js';
import type { Alarm } from '../monitor/alarms/alarm.js';
import { Monitoring, type MonitoringHeard } from '../monitor/monitoring.js';
import { type AlertsParts, openAlerts } from './alerts-here.js';
import type { Hearing } from './hearing.js';

export interface MonitoringParts extends AlertsParts {
  readonly config: Pick<Config, 'sitePolicy' | 'alerts'>;
  readonly audit: Pick<AuditRecorder, 'event'>;
  /** Has what is opened here until its end. */
  readonly held: Disposables;
  /** From where it is known whether the audit log can be written. */
  readonly hearing: Hearing;
  readonly tell?: (alarm: Alarm) => void;
  readonly heard?: MonitoringHeard | undefined;
}

/** What watches the sessions of a process that holds them. Alarms go into the audit log, to `tell`, and on by the user's settings. Errors: BAD_CONFIG. */
export async function newMonitoring(parts: MonitoringParts): Promise<Monitoring> {
  const { config, audit, held, hearing, tell, heard } = parts;
  const alerts = held.use(await openAlerts(config.alerts, parts));
  const onAlarm = (alarm: Alarm) => {
    const { session, kind, level, values } = alarm;
    const details = { kind: plain(kind), level: plain(level), ...values };
    // Where the log can't be written nothing else is done either; the next intent says so.
    audit.event('session.alarm', { ...(session === undefined ? {} : { session }), details }).catch(() => undefined);
    tell?.(alarm);
    alerts.send(alarm);
  };
  const monitoring = new Monitoring({ clock: systemClock, thresholds: config.sitePolicy.alarms, onAlarm, heard });
  const { health } = monitoring;
  hearing.listen({ onRecord: (record) => health.recorded(record), onForward: (state) => health.forwarded(state) });
  return monitoring;
}
