import { type SampleView, sampleSchema, type TrendsView, trendsSchema } from '../monitor/usage-schema.js';
import type { Session } from '../session/session.js';
import type { ToolServices } from './services.js';

/** What a session uses and used; absent where nothing tells it. */
export const usageFields = { usage: sampleSchema.optional(), trends: trendsSchema.optional() };

/** From the monitor; where the kernel shows nothing of a sandbox that lives, the engine is asked. */
export async function viewUsage(
  session: Session,
  { monitor, clock }: Pick<ToolServices, 'monitor' | 'clock'>,
  signal: AbortSignal,
): Promise<{ usage?: SampleView; trends?: TrendsView }> {
  const known = monitor.usageOf(session.id);
  if (known !== undefined) return known;
  const reading = session.isOpen ? await session.sandbox.usageByEngine(signal) : undefined;
  return reading === undefined ? {} : { usage: { ...reading, atMs: clock.now() } };
}
