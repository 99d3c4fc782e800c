import type { Alarm } from '../monitor/alarms/alarm.js';

/** What became of one alarm: `dropped` where there was no room, or too many came at once. */
export type AlertResult = 'ok' | 'failed' | 'dropped';
export const alertResults = ['ok', 'failed', 'dropped'] as const satisfies readonly AlertResult[];

export const outletNames = ['webhook', 'desktop'] as const;
export type OutletName = (typeof outletNames)[number];

/** Hears what became of each alarm, and why not, in words that give no secret away. Must not throw. */
export type OnAlert = (outlet: OutletName, result: AlertResult, why?: string) => void;

/** Where alarms are sent on to. Disposing gives what is under way a moment. */
export interface Outlet extends AsyncDisposable {
  /** Returns at once and never throws: nobody who raises an alarm waits for those who hear of it. */
  send(alarm: Alarm): void;
}
