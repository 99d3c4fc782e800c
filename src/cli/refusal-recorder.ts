import type { Logger } from 'pino';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import type { AuditRecorder } from '../audit/audit-log.js';
import { plain } from '../audit/redaction.js';
import type { HttpRefusal } from '../mcp/http/refusal.js';

/** Whoever has no key could fill the disk with it. */
const recordedAMinute = 60;

/** Of whoever is nobody here, but has shown something: what is recorded of those who show nothing takes nothing from what is of them. */
const shown: ReadonlySet<HttpRefusal['reason']> = new Set(['wrong-key', 'wrong-token', 'no-grant']);

/**
 * Writes down what got no further than the door, under the name of the key where there is one: so many a minute of each, and with the next record how many were
 * left out before it. `auditOf`: the log in their name.
 */
export function refusalRecorder(auditOf: (caller: string | undefined) => Promise<AuditRecorder>, log: Logger) {
  const limiter = new RateLimiterMemory({ points: recordedAMinute, duration: 60 });
  const leftOut = new Map<string, number>();
  return ({ reason, status, check }: HttpRefusal, caller: string | undefined): void => {
    log.debug({ reason, check, caller }, 'a request was refused');
    const who = caller ?? (shown.has(reason) ? 'shown' : 'nobody');
    const record = async (): Promise<void> => {
      const isFree = await limiter.consume(who).then(
        () => true,
        () => false,
      );
      const before = leftOut.get(who) ?? 0;
      if (!isFree) {
        leftOut.set(who, before + 1);
        return;
      }
      leftOut.delete(who);
      const details = {
        ...{ reason: plain(reason), status },
        ...(check === undefined ? {} : { check: plain(check) }),
        ...(before === 0 ? {} : { leftOut: before }),
      };
      const audit = await auditOf(caller);
      await audit.event('http.refused', { verdict: 'deny', result: 'BAD_ARGUMENT', details });
    };
    // Nothing was done, so nothing needs to be undone when it can't be recorded.
    record().catch((err: unknown) => log.error({ err }, 'the audit log could not be written'));
  };
}
