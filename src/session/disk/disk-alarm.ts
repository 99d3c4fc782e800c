import type { AlarmSink } from '../../monitor/alarms/alarm.js';
import type { DiskSpace } from './disk-space.js';
import { diskText } from './disk-words.js';

/** Raises an alarm when a session has added four fifths, and again when it has added 95 %, of what it may add to the disk. */
export function alarmOnDisk(session: string, disk: Pick<DiskSpace, 'listen'>, alarms: AlarmSink): AsyncDisposable {
  return disk.listen((level, usage) => {
    // A higher level is another alarm, which is told again.
    alarms.clear('disk', session);
    if (level === 'usual') return;
    const { bytes, inodes, limits } = usage;
    alarms.raise({
      session,
      kind: 'disk',
      level: level === 'warning' ? 'warning' : 'critical',
      text: `it has added ${diskText(usage)} to the disk; its commands are ended at the limit`,
      values: { bytes, limitBytes: limits.bytes, inodes, limitInodes: limits.inodes },
    });
  });
}
