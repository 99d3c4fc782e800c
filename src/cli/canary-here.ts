import { PaddockError } from '../core/errors.js';
import { parseDuration } from '../core/units.js';
import { systemClock } from '../kit/clock.js';
import { type CanaryVerdict, canaryVerdict } from '../monitor/canary-verdict.js';
import type { Sessions } from '../session/sessions.js';
import { CanaryWatch } from './canary-watch.js';
import { type CommandContext, text } from './command.js';
import { canaryHere } from './host-check.js';
import type { ServerGround } from './server-ground.js';

const usualEveryMs = 3_600_000;
const leastEveryMs = 60_000;

/** How often `--canary` wants one; undefined: none. Errors: BAD_ARGUMENT, also where the policy requires them and they are off. */
export function canaryEveryMs(context: CommandContext, isRequired: boolean): number | undefined {
  const asked = text(context, 'canary');
  if (asked === undefined) return usualEveryMs;
  if (asked === 'off' && !isRequired) return undefined;
  const everyMs = asked === 'off' ? undefined : parseDuration(asked);
  if (everyMs !== undefined && everyMs >= leastEveryMs) return everyMs;
  throw new PaddockError('BAD_ARGUMENT', `--canary ${asked}`, {
    hint: isRequired
      ? 'Give a duration of a minute or more; it can not be off, since the policy has `canary_required`.'
      : 'Give a duration of a minute or more, such as 1h, or off.',
  });
}

/** Canaries of a server for others, with sessions of its own, which `sessions` makes when the engine is there. The caller disposes. */
export function watchCanary(
  { app, log, metrics, monitoring }: ServerGround,
  everyMs: number,
  sessions: () => Promise<Sessions>,
): CanaryWatch {
  metrics?.expectCanaries(everyMs);
  let made: Promise<Sessions> | undefined;
  let last: CanaryVerdict | undefined;
  const own = () => {
    made ??= sessions().catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
  return new CanaryWatch({
    ...{ clock: systemClock, everyMs, isRequired: app.config.sitePolicy.canaryRequired },
    run: async (signal) => {
      const { checks } = await canaryHere(app, own, signal);
      monitoring.checked(checks);
      const verdict = canaryVerdict(checks);
      // Once, and not every minute while an engine is away.
      if (verdict !== 'ok' && verdict !== last) {
        log.warn({ checks: checks.filter(({ status }) => status !== 'pass') }, 'the canary did not pass');
      }
      last = verdict;
      return verdict;
    },
    onFailure: (err) => log.warn({ err }, 'the canary could not be tried'),
  });
}
