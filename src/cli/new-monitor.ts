import { systemClock } from '../kit/clock.js';
import { Monitor } from '../monitor/monitor.js';
import { UsageReader } from '../monitor/usage-reader.js';

/** What samples the sessions of a process that holds them. */
export function newMonitor(): Monitor {
  return new Monitor({ clock: systemClock, reader: new UsageReader() });
}
