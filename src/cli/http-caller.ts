import type { Logger } from 'pino';
import type { AuditRecorder } from '../audit/audit-log.js';
import type { Grant } from '../keys/key.js';
import { KeyLimits, type OverallLimits } from '../keys/key-limits.js';
import type { Monitoring } from '../monitor/monitoring.js';
import { KeyMeter } from '../session/key-meter.js';
import type { SessionCommand } from '../session/session-command.js';
import type { Sessions } from '../session/sessions.js';
import type { ToolServices } from '../tools/services.js';
import type { App } from './app.js';
import { lookAt } from './call-gate.js';
import type { Counts } from './kept-counts.js';

/** What somebody gets, by a key or by a token. */
export interface Rights extends Pick<Grant, 'id' | 'name' | 'tools' | 'ceiling' | 'quota'> {
  /** Whether each call takes a scope of its token as well. */
  readonly isScoped?: boolean;
}

/** The holder of a key or of tokens, with all that is theirs and of nobody else. */
export interface HttpCaller extends Counts {
  readonly grant: Rights;
  readonly app: App;
  readonly audit: AuditRecorder;
  sessions: Sessions | undefined;
  services: Promise<ToolServices> | undefined;
  /** Commands that were told to end for what is used up, and may take long. */
  readonly stopped: WeakSet<object>;
}

interface CountsParts {
  readonly overall: OverallLimits;
  readonly monitoring: Pick<Monitoring, 'stateOf'>;
  readonly log: Pick<Logger, 'warn'>;
}

/** Of who has used nothing yet. Says so where they alone can use up what all have. */
export function noCounts({ id, name, quota }: Rights, { overall, monitoring, log }: CountsParts): Counts {
  const flags = overall.allFor(quota);
  if (flags.length > 0) {
    const words = 'a key can use up the day of all keys alone; give keys limits of their own that are lower';
    log.warn({ key: name, flags }, words);
  }
  return {
    limits: new KeyLimits(quota, overall, overall.days?.of(id)),
    meter: new KeyMeter((session) => monitoring.stateOf(session).usage?.cpuUs),
  };
}

/** Adds up what their sessions have used, and has the commands end of who has used all they may. Waits for none: one may hang. */
export function meterOne({ sessions, limits, meter, stopped }: HttpCaller): void {
  const list = sessions?.list ?? [];
  limits.use(meter.read(list));
  const { refusal } = limits;
  if (refusal === undefined) return;
  for (const session of list) {
    const atWork = session.commands.filter((one) => one.outcome === undefined && !stopped.has(one));
    if (atWork.length === 0) continue;
    session.notices.add(`its commands were ended: ${refusal.message}`);
    for (const one of atWork) stopped.add(one);
    stop(atWork);
  }
}

/** Ends all their sessions. Errors: what kept some from ending. */
export async function endOf({ app, meter, sessions }: HttpCaller): Promise<void> {
  const list = sessions?.list ?? [];
  // An engine or an audit log that is away keeps sessions, and not what runs in them.
  for (const { commands } of list) stop(commands.filter(({ outcome }) => outcome === undefined));
  try {
    await app[Symbol.asyncDispose]();
    // What a try before this one has left is not the app's any more.
    await sessions?.[Symbol.asyncDispose]();
  } finally {
    // Now that what they did last is in their counts; whoever has the meter by then reads it.
    lookAt(meter, list);
  }
}

function stop(atWork: readonly SessionCommand[]): void {
  for (const { command } of atWork) command.end('aborted').catch(() => undefined);
}
