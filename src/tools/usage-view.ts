import { z } from 'zod';
import { type AlarmView, alarmSchema } from '../monitor/alarms/alarm.js';
import { type SampleView, sampleSchema, type TrendsView } from '../monitor/usage-schema.js';
import { alarmsText, usageText } from '../monitor/usage-text.js';
import type { Session } from '../session/session.js';
import type { ToolServices } from './services.js';

const trend = z.record(z.enum(['min', 'avg', 'max', 'last']), z.number()).optional();

/** What a session uses and used, absent where nothing tells it, and what was alarming about it. */
export const usageFields = {
  usage: sampleSchema.optional(),
  /** By window (1m, 5m, 15m) and by what; `trendsSchema` in full would take a client's room three times for the same shape. */
  trends: z.record(z.string(), z.record(z.string(), trend)).optional(),
  alarms: z.array(alarmSchema),
};

interface UsageView {
  readonly usage?: SampleView;
  readonly trends?: TrendsView;
  readonly alarms: AlarmView[];
}

/** From what watches the session; where the kernel shows nothing of a sandbox that lives, the engine is asked. */
export async function viewUsage(
  session: Session,
  { monitoring, clock }: Pick<ToolServices, 'monitoring' | 'clock'>,
  signal: AbortSignal,
): Promise<UsageView> {
  const { alarms, ...used } = monitoring.stateOf(session.id);
  const state = { ...used, alarms: [...alarms] };
  if (used.usage !== undefined || !session.isOpen) return state;
  const reading = await session.sandbox.usageByEngine(signal);
  return reading === undefined ? state : { ...state, usage: { ...reading, atMs: clock.now() } };
}

export function usageViewText({ usage, trends, alarms }: UsageView): string {
  return [usageText(usage, trends), ...alarmsText(alarms)].map((line) => `  ${line}`).join('\n');
}
