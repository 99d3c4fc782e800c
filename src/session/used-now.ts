import type { Clock } from '../kit/clock.js';
import type { SessionState } from '../monitor/monitoring.js';
import type { Sandbox } from '../sandbox/sandbox.js';
import type { Session } from './session.js';

interface UsedSession extends Pick<Session, 'isOpen'> {
  readonly sandbox: Pick<Sandbox, 'usageByEngine'>;
}

/**
 * What a session uses, from what watches it; where the kernel shows nothing of a sandbox that lives, as to a server in a container, its engine is
 * asked. Never rejects for an engine that does not say.
 */
export async function usedNow(
  { isOpen, sandbox }: UsedSession,
  state: SessionState | undefined,
  clock: Pick<Clock, 'now'>,
  signal: AbortSignal,
): Promise<Partial<SessionState>> {
  if (state?.usage !== undefined || !isOpen) return { ...state };
  const reading = await sandbox.usageByEngine(signal);
  return reading === undefined ? { ...state } : { ...state, usage: { ...reading, atMs: clock.now() } };
}
