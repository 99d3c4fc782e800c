import type { AuditRecorder } from '../audit/audit-log.js';
import { plain } from '../audit/redaction.js';
import type { SitePolicy } from '../core/site-policy.js';
import { systemClock } from '../kit/clock.js';
import type { Alarm } from '../monitor/alarms/alarm.js';
import { Monitoring, type MonitoringHeard } from '../monitor/monitoring.js';

/** What watches the sessions of a process that holds them. Alarms go into the audit log, then to `tell`. */
export function newMonitoring(
  { alarms: thresholds }: Pick<SitePolicy, 'alarms'>,
  audit: Pick<AuditRecorder, 'event'>,
  tell: (alarm: Alarm) => void = () => undefined,
  heard?: MonitoringHeard,
): Monitoring {
  const onAlarm = (alarm: Alarm) => {
    const { session, kind, level, values } = alarm;
    const details = { kind: plain(kind), level: plain(level), ...values };
    // Where the log can't be written nothing else is done either; the next intent says so.
    audit.event('session.alarm', { ...(session === undefined ? {} : { session }), details }).catch(() => undefined);
    tell(alarm);
  };
  return new Monitoring({ clock: systemClock, thresholds, onAlarm, heard });
}
