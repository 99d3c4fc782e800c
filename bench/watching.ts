import type { Engine } from '../src/engine/types.js';
import { systemClock } from '../src/kit/clock.js';
import { Monitoring } from '../src/monitor/monitoring.js';
import { watchSession } from '../src/session/watch.js';
import { command, Stage } from '../test/engine/support/stage.js';

/** What it costs to sample that many sessions once a second. */
export interface Watching {
  readonly sessions: number;
  /** Where the numbers come from: a cgroup of its own costs other files than processes do. */
  readonly source: string;
  readonly cpuMsPerTurn: number;
  readonly percentOfOneCore: number;
}

const warmUps = 20;
const turns = 100;

/** Real sessions, each with a command that sleeps; turns are taken one after the other, as fast as they go. */
export async function measureWatching(engine: Engine, sessions: number): Promise<Watching> {
  await using stage = await Stage.open(engine.identity.kind, { engine, policy: { maxSessions: sessions } });
  const clock = { ...systemClock, monotonic: () => nowMs };
  let nowMs = 0;
  let turn: () => void = () => undefined;
  const repeat = (_: number, call: () => void) => {
    turn = call;
    return () => undefined;
  };
  const { alarms: thresholds } = stage.policy;
  const monitoring = new Monitoring({ clock, thresholds, onAlarm: () => undefined, repeat });
  const watches: AsyncDisposable[] = [];
  for (let i = 0; i < sessions; i += 1) {
    const session = await stage.create({ memory: '64m', cpus: 0.1, lifetime: '20m' });
    await session.start(command('exec sleep 1000', { timeoutMs: 1_000_000 }));
    watches.push(watchSession(session, { store: stage.store, audit: stage.audit, clock: systemClock, monitoring }));
  }
  const take = (n: number) => {
    for (let i = 0; i < n; i += 1) {
      nowMs += 1000;
      turn();
    }
  };
  take(warmUps);
  const before = process.cpuUsage();
  take(turns);
  const { user, system } = process.cpuUsage(before);
  const [first] = stage.sessions.list;
  const source = monitoring.stateOf(first?.id ?? '').usage?.sources.memory ?? 'unknown';
  for (const watch of watches) await watch[Symbol.asyncDispose]();
  const cpuMsPerTurn = (user + system) / 1000 / turns;
  return { sessions, source, cpuMsPerTurn: round(cpuMsPerTurn), percentOfOneCore: round(cpuMsPerTurn / 10) };
}

const round = (value: number): number => Math.round(value * 100) / 100;

export function watchingText({ sessions, source, cpuMsPerTurn, percentOfOneCore }: Watching): string {
  return `Watching ${sessions} sessions once a second (by ${source}): ${cpuMsPerTurn} ms of CPU each time, ${percentOfOneCore} % of one core.`;
}
