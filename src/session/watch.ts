import { Disposables } from '../kit/disposables.js';
import type { WatchedSandbox } from '../monitor/monitor.js';
import type { Monitoring } from '../monitor/monitoring.js';
import { alarmOnDisk } from './disk/disk-alarm.js';
import type { ForeignWatch } from './foreign-watch.js';
import { type IdleWatchParts, watchIdle } from './idle-watch.js';
import type { Session } from './session.js';

export interface WatchParts extends IdleWatchParts {
  /** What samples the usage of this process's sessions; none in processes that hold them for one command only. */
  readonly monitoring?: Monitoring | undefined;
  readonly foreign?: ForeignWatch | undefined;
}

/** Everything that whoever holds a session watches of it. Disposing stops that. */
export function watchSession(session: Session, parts: WatchParts): AsyncDisposable {
  const watches = new Disposables();
  watches.use(watchIdle(session, parts));
  if (parts.monitoring !== undefined) watches.use(parts.monitoring.watch(watchedSandbox(session)));
  if (parts.foreign !== undefined) watches.use(parts.foreign.watch(session));
  if (parts.monitoring !== undefined && session.disk !== undefined) {
    watches.use(alarmOnDisk(session.id, session.disk, parts.monitoring.alarms));
  }
  return watches;
}

function watchedSandbox(session: Session): WatchedSandbox {
  const { containerId, initPid, namespace } = session.sandbox.handle;
  return {
    ...{ id: session.id, containerId, initPid, namespace },
    isAlive: () => session.sandbox.alive,
    isBusy: () => session.liveCommands > 0,
  };
}
