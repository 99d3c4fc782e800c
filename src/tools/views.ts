import { z } from 'zod';
import { portText } from '../core/egress-text.js';
import { commandPaths, exitReasons } from '../core/exec.js';
import { formatBytes, formatDuration } from '../core/units.js';
import { specOf } from '../session/record.js';
import type { Session } from '../session/session.js';
import type { SessionCommand } from '../session/session-command.js';
import { timeText } from '../session/time-text.js';
import { controlView } from '../session/update-report.js';
import { blockedFields, blockedLines, viewBlocked } from './blocked-view.js';
import { commandUsage, commandUsageText } from './command-usage.js';
import { firstFailureNext, viewEnd } from './end-view.js';
import { profileFields, profileText, viewProfile } from './profile-view.js';
import { shorten } from './shorten.js';
import { timeFields, timesLeft, warningOf } from './time-left.js';

/** The session as clients see it. */
export const sessionView = z.object({
  sessionId: z.string(),
  name: z.string().optional(),
  state: z.enum(['running', 'ended']),
  ...profileFields,
  image: z.string(),
  workspace: z.string(),
  projectPath: z.string().optional(),
  network: z.string(),
  /** What an allowlist lets through, as rules. */
  allow: z.array(z.string()).optional(),
  /** What siblings may connect to at NAME.internal. */
  ports: z.array(z.string()).optional(),
  engine: z.string(),
  /** How commands get in: fifo or attach (its channel), or exec (the engine's). */
  commandPath: z.enum(commandPaths),
  /** Why it ended, as far as its process 1 could say. */
  endedBecause: z.string().optional(),
  createdAt: z.string(),
  endsAt: z.string(),
  ...timeFields,
  uptimeMs: z.number(),
  limits: z.object({ memoryBytes: z.number(), cpuMillis: z.number(), pids: z.number() }),
  labels: z.record(z.string(), z.string()),
  runningCommands: z.number(),
  /** Controls that are not fully enforced, in words; empty when all are. */
  notEnforced: z.array(z.string()),
});

export const enforcementView = z.object({
  controls: z.array(controlView),
  readAt: z.string(),
});

export const commandView = z.object({
  sessionId: z.string(),
  commandId: z.string(),
  state: z.enum(['running', 'finished', 'failed']),
  exitCode: z.number().optional(),
  reason: z.enum(exitReasons).optional(),
  signal: z.string().optional(),
  durationMs: z.number(),
  /** Of the whole process tree; a finished command's only, and only what this host can tell. */
  usage: commandUsage.optional(),
  stdout: z.string(),
  stderr: z.string(),
  /** Bytes left out of the texts above; read them with get_command and its cursor. */
  stdoutDroppedBytes: z.number(),
  stderrDroppedBytes: z.number(),
  /** Pass to get_command to read on from here. */
  cursor: z.string(),
  /** Processes of the command that outlived it and were killed. */
  strays: z.number().optional(),
  /** Set when the engine broke the output off: something may be missing. */
  outputError: z.string().optional(),
  /** Set when less than five minutes of the session are left, or less than a fifth of its disk. */
  warning: z.string().optional(),
  ...blockedFields,
  error: z.object({ code: z.string(), message: z.string(), next: z.string() }).optional(),
  next: z.string().optional(),
});

export type SessionView = z.output<typeof sessionView>;
export type EnforcementView = z.output<typeof enforcementView>;
export type CommandView = z.output<typeof commandView>;
type SilentView = Omit<CommandView, 'stdout' | 'stderr' | 'stdoutDroppedBytes' | 'stderrDroppedBytes' | 'cursor'>;

export function viewSession(session: Session, nowMs: number): SessionView {
  const { record } = session;
  const { spec } = record;
  const project = spec.mounts.find((m) => m.purpose === 'workspace');
  return {
    sessionId: record.id,
    ...(record.name === undefined ? {} : { name: record.name }),
    state: session.isOpen ? 'running' : 'ended',
    ...viewProfile(specOf(record)),
    image: spec.image.kind === 'host' ? 'host' : spec.image.reference,
    workspace: record.isCopy === true ? `${spec.workspace} (copy)` : spec.workspace,
    ...(project === undefined ? {} : { projectPath: project.hostPath }),
    network: spec.network,
    ...(spec.egress === undefined ? {} : { allow: [...spec.egress.allow] }),
    ...(spec.ports === undefined || spec.ports.length === 0 ? {} : { ports: spec.ports.map(portText) }),
    engine: record.engine.kind,
    commandPath: session.sandbox.commandPath,
    ...(session.endedBecause === undefined ? {} : { endedBecause: session.endedBecause }),
    createdAt: new Date(record.createdAtMs).toISOString(),
    endsAt: new Date(record.deadlineAtMs).toISOString(),
    ...timesLeft(session, nowMs),
    uptimeMs: Math.max(0, nowMs - record.createdAtMs),
    limits: {
      memoryBytes: spec.limits.memoryBytes,
      cpuMillis: spec.limits.cpuMillis,
      pids: spec.limits.pids,
    },
    labels: spec.labels,
    runningCommands: session.liveCommands,
    notEnforced: notEnforced(session),
  };
}

export function viewEnforcement(session: Session): EnforcementView {
  const { controls, readAtMs } = session.sandbox.handle.evidence;
  return { controls: controls.map((c) => ({ ...c })), readAt: new Date(readAtMs).toISOString() };
}

function notEnforced(session: Session): string[] {
  return session.sandbox.handle.evidence.controls
    .filter((c) => c.status !== 'enforced')
    .map((c) => `${c.id}: ${c.status}${c.note === undefined ? '' : ` (${c.note})`}`);
}

/** One session in a few lines of text, with what is not enforced and why. */
export function sessionText(view: SessionView): string {
  return [sessionLines(view), ...view.notEnforced.map((line) => `  not enforced: ${line}`)].join('\n');
}

/** One session of many: what is not enforced is named, the reasons are in get_session. */
export function sessionSummary(view: SessionView): string {
  const weak = view.notEnforced.map((line) => line.split(' (', 1)[0] ?? '');
  return weak.length === 0 ? sessionLines(view) : `${sessionLines(view)}\n  not enforced: ${weak.join(', ')}`;
}

function sessionLines(view: SessionView): string {
  return [
    `${view.sessionId}${view.name === undefined ? '' : ` (${view.name})`}: ${view.state}${view.endedBecause === undefined ? '' : ` (${view.endedBecause})`}, ${profileText(view)}image ${view.image}, ` +
      `workspace ${view.workspace}${view.projectPath === undefined ? '' : ` of ${view.projectPath}`}, ` +
      `network ${view.network}, up ${formatDuration(view.uptimeMs)}, ends ${view.endsAt}`,
    ...(view.state === 'running' ? [`  ${timeText(view)}`] : []),
    `  limits: memory ${formatBytes(view.limits.memoryBytes)}, cpu ${view.limits.cpuMillis / 1000}, ` +
      `pids ${view.limits.pids}; running commands: ${view.runningCommands}, by ${view.commandPath}`,
  ].join('\n');
}

export function viewCommand(session: Session, entry: SessionCommand, nowMs: number): CommandView {
  const { stdout, stderr } = entry.command.output;
  const [out, err] = [shorten(stdout), shorten(stderr)];
  return {
    ...viewSilent(session, entry, nowMs),
    stdout: out.text,
    stderr: err.text,
    stdoutDroppedBytes: out.dropped,
    stderrDroppedBytes: err.dropped,
    cursor: `${stdout.totalBytes}.${stderr.totalBytes}`,
  };
}

/** The same without what it has printed, for whoever says that otherwise. */
export function viewSilent(session: Session, entry: SessionCommand, nowMs: number): SilentView {
  const { outcome } = entry;
  const base = {
    sessionId: session.id,
    commandId: entry.id,
    durationMs: nowMs - entry.startedAtMs,
    ...warningOf(session, nowMs),
  };
  if (outcome === undefined) {
    return {
      ...base,
      ...viewBlocked(session.refusedSince(entry.startedAtMs)),
      state: 'running',
      next: 'Still running: call get_command with this commandId and cursor to wait for more, stop_command to end it.',
    };
  }
  if ('error' in outcome) {
    const { code, message, hint } = outcome.error;
    return { ...base, state: 'failed', error: { code, message, next: hint } };
  }
  const { result } = outcome;
  const { durationMs, ...usage } = result.usage;
  return {
    ...base,
    state: 'finished',
    durationMs,
    usage,
    ...viewBlocked(result.blocked ?? []),
    ...firstFailureNext(session, entry),
    ...viewEnd(result),
  };
}

/** A command's view as text: what a model needs first, then the output. */
export function commandText(view: CommandView): string {
  const how =
    view.state === 'finished'
      ? `exit code ${view.exitCode ?? '?'} (${view.reason ?? '?'}${view.signal === undefined ? '' : `, ${view.signal}`}) after ${formatDuration(view.durationMs)}${commandUsageText(view.usage)}`
      : view.state === 'failed'
        ? `failed: ${view.error?.code ?? ''} ${view.error?.message ?? ''} – ${view.error?.next ?? ''}`
        : `running since ${formatDuration(view.durationMs)}`;
  return [
    `${view.commandId}: ${how}`,
    section('stdout', view.stdout),
    section('stderr', view.stderr),
    ...((view.strays ?? 0) > 0 ? [`${view.strays} processes outlived the command and were killed`] : []),
    ...(view.outputError === undefined ? [] : [`output may be incomplete: ${view.outputError}`]),
    ...blockedLines(view),
    `session ${view.sessionId}, cursor ${view.cursor}`,
    ...(view.warning === undefined ? [] : [`warning: ${view.warning}`]),
    ...(view.next === undefined ? [] : [view.next]),
  ].join('\n');
}

function section(name: string, text: string): string {
  return text === '' ? `${name}: (empty)` : `${name}:\n${text.endsWith('\n') ? text.slice(0, -1) : text}`;
}
