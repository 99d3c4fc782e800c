import { safeLine } from '../kit/safe-text.js';
import type { AuditEntry } from './read.js';
import type { AuditRecord } from './record.js';

/** What a step is about. */
export type StepKind = 'call' | 'command' | 'files' | 'egress' | 'changes';

/** One thing that was done or happened: an intent with its outcome, or an event. */
export interface Step {
  readonly time: string;
  readonly kind: StepKind;
  readonly action: string;
  readonly id?: string;
  readonly user: string;
  readonly client?: string;
  /** Of whoever asked over HTTP: of a key, or of the holder of a token. */
  readonly key?: string;
  readonly verdict?: 'allow' | 'deny';
  readonly rule?: string;
  /** Left out of an intent: it has no outcome, or none yet. */
  readonly result?: string;
  readonly durationMs?: number;
  readonly details?: AuditRecord['details'];
  readonly outcome?: AuditRecord['details'];
}

export interface Story {
  readonly session: string;
  readonly steps: readonly Step[];
  /** How many more there are than a story holds. */
  readonly stepsLeftOut: number;
  /** Lines of the log that hold no record; some may have been of this session. */
  readonly unreadable: number;
}

const mostSteps = 20_000;
const kinds: Readonly<Record<string, StepKind>> = {
  ...{
    command: 'command',
    files: 'files',
    egress: 'egress',
    broker: 'egress',
    changes: 'changes',
    snapshot: 'changes',
  },
};

/** Puts the records of one session together, in the order of their beginnings. */
export async function tellStory(session: string, entries: AsyncIterable<AuditEntry>): Promise<Story> {
  const steps: Step[] = [];
  const begun = new Map<string, number>();
  let [stepsLeftOut, unreadable] = [0, 0];
  for await (const { record } of entries) {
    if (record === undefined) unreadable += 1;
    else if (record.phase === 'outcome') {
      const at = begun.get(record.id ?? '');
      const step = at === undefined ? undefined : steps[at];
      if (at !== undefined && step) steps[at] = ended(step, record);
      begun.delete(record.id ?? '');
    } else if (steps.length >= mostSteps) stepsLeftOut += 1;
    else {
      if (record.phase === 'intent' && record.id !== undefined) begun.set(record.id, steps.length);
      steps.push(stepOf(record));
    }
  }
  return { session, steps, stepsLeftOut, unreadable };
}

/** A line for each step, what a call brought about further in than the call. */
export function storyLines({ steps, stepsLeftOut, unreadable }: Story): string[] {
  return [
    ...steps.map(lineOf),
    ...(stepsLeftOut > 0 ? [`… and ${stepsLeftOut} more`] : []),
    ...(unreadable > 0 ? [`${unreadable} lines of the log hold no record: paddock audit verify`] : []),
  ];
}

function stepOf(record: AuditRecord): Step {
  const { time, action, id, caller, verdict, rule, result, details } = record;
  const kind = kinds[action.slice(0, action.indexOf('.'))] ?? 'call';
  const client = caller.client?.name;
  const may = { id, client, key: caller.keyHash, verdict, rule, result, details };
  const said = Object.fromEntries(Object.entries(may).filter(([, value]) => value !== undefined));
  return { time, kind, action, user: caller.user, ...said };
}

function ended(step: Step, { time, result, verdict, rule, details }: AuditRecord): Step {
  return {
    ...step,
    ...(result === undefined ? {} : { result }),
    ...(verdict === undefined ? {} : { verdict }),
    ...(rule === undefined ? {} : { rule }),
    durationMs: Math.max(0, Date.parse(time) - Date.parse(step.time)),
    ...(details === undefined ? {} : { outcome: details }),
  };
}

function lineOf(step: Step): string {
  const { time, kind, action, verdict, rule, result, durationMs, details, outcome } = step;
  const indent = kind === 'call' ? '' : kind === 'command' ? '  ' : '    ';
  const who = kind === 'call' ? [`by ${whoOf(step)}`] : [];
  const how = [
    ...(verdict === 'deny' ? [`DENIED${rule === undefined ? '' : ` by ${rule}`}`] : []),
    ...(result === undefined || (verdict === 'deny' && result === 'POLICY_DENIED') ? [] : [result]),
    ...(result === undefined && step.id !== undefined ? ['no outcome'] : []),
    ...(durationMs === undefined ? [] : [`${durationMs} ms`]),
  ];
  const parts = [action, ...who, ...words(details), ...(how.length > 0 ? ['->', ...how] : []), ...words(outcome)];
  return safeLine(`${time.slice(0, 19).replace('T', ' ')}  ${indent}${parts.join(' ')}`, 500);
}

function whoOf({ user, client, key }: Step): string {
  const person = client === undefined ? user : `${client} of ${user}`;
  return key === undefined ? person : `${person} with key ${key}`;
}

function words(details: AuditRecord['details']): string[] {
  return Object.entries(details ?? {}).map(([key, value]) => `${key}=${word(value)}`);
}

function word(value: unknown): string {
  if (Array.isArray(value)) return value.map(word).join(',');
  if (typeof value !== 'object' || value === null) return String(value);
  if ('sha256' in value && 'bytes' in value) return `${String(value.bytes)}B#${String(value.sha256).slice(0, 8)}`;
  return `(${words(value as AuditRecord['details']).join(' ')})`;
}
