import { z } from 'zod';
import { type AlarmView, alarmSchema } from '../monitor/alarms/alarm.js';
import { type SampleView, sampleSchema, type TrendsView } from '../monitor/usage-schema.js';
import { alarmsText, usageText } from '../monitor/usage-text.js';
import type { Session } from '../session/session.js';
import { usedNow } from '../session/used-now.js';
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

export async function viewUsage(
  session: Session,
  { monitoring, clock }: Pick<ToolServices, 'monitoring' | 'clock'>,
  signal: AbortSignal,
): Promise<UsageView> {
  const { alarms = [], ...used } = await usedNow(session, monitoring.stateOf(session.id), clock, signal);
  return { ...used, alarms: [...alarms] };
}

export function usageViewText({ usage, trends, alarms }: UsageView): string {
  return [usageText(usage, trends), ...alarmsText(alarms)].map((line) => `  ${line}`).join('\n');
}
