import { z } from 'zod';

export const alarmKinds = [
  'oom',
  'throttled',
  'pids',
  'memory-pressure',
  'host-pressure',
  'denials',
  'egress-denials',
  'unknown-sessions',
  'disk',
  'foreign-change',
  'audit',
  'canary',
] as const;
export type AlarmKind = (typeof alarmKinds)[number];

/** Something about a session, or about this process, that somebody should know. */
export interface Alarm {
  /** Absent: it is about the process that holds the sessions. */
  readonly session?: string;
  readonly kind: AlarmKind;
  readonly level: 'warning' | 'critical';
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  /** One line in our own words; nothing from a sandbox gets in here. */
  readonly text: string;
  /** Whole numbers, for whoever reads them by machine. */
  readonly values: Record<string, number>;
}

export type AlarmNotice = Omit<Alarm, 'atMs'>;

/** Where alarms are raised. What is in force already is not raised again before it was cleared, unless it is critical now. */
export interface AlarmSink {
  raise(notice: AlarmNotice): void;
  clear(kind: AlarmKind, session?: string): void;
}

export const alarmSchema = z.object({
  kind: z.enum(alarmKinds),
  level: z.enum(['warning', 'critical']),
  atMs: z.number(),
  text: z.string(),
  values: z.record(z.string(), z.number()),
  /** Whether it still is so. */
  inForce: z.boolean(),
});
export type AlarmView = z.output<typeof alarmSchema>;
