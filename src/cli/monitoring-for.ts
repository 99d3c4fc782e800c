import type { Culprit } from '../monitor/alarms/burst.js';
import type { DeniedWay } from '../monitor/alarms/denials.js';
import type { Monitoring } from '../monitor/monitoring.js';
import type { ToolMonitoring } from './tool-services.js';

/**
 * What the tools of one caller of several tell what watches the server: what they are refused counts as theirs. What their check_host found does not count as the
 * server's: its canary is a session of theirs, so that they could have it fail, and the alarm of a real failure be over.
 */
export function monitoringFor(monitoring: Pick<Monitoring, 'stateOf' | 'denials'>, by: Culprit): ToolMonitoring {
  return {
    stateOf: (id) => monitoring.stateOf(id),
    denials: { add: (way: DeniedWay, ruleId: string) => monitoring.denials.add(way, ruleId, by) },
    checked: () => undefined,
  };
}
