import { z } from 'zod';
import { agentIds } from '../agents/types.js';
import { formatDuration } from '../core/units.js';
import { safeLine } from '../kit/safe-text.js';
import type { AgentReport, AgentRun, RunUsage } from '../session/agents/types.js';
import type { Session } from '../session/session.js';
import { blockedFields, blockedLines, viewBlocked } from './blocked-view.js';
import type { ToolContext } from './define-tool.js';
import { warningOf } from './time-left.js';
import { type CommandView, viewSilent } from './views.js';
import { wholeHead } from './whole-characters.js';

const everyMs = 2000;
/** Of the last words; with the rest of a text they stay under 8 kB. */
const finalBytes = 3500;
const mostTools = 20;
const mostLines = 15;

export const agentView = z.object({
  agent: z.enum(agentIds),
  /** Absent while it works. */
  ok: z.boolean().optional(),
  stopReason: z.string().optional(),
  finalText: z.string().optional(),
  /** Bytes left out of finalText. */
  finalTextDroppedBytes: z.number().optional(),
  turns: z.number().optional(),
  /** Without their own schemas, as usage and failure: all of them in full would take a client's room. */
  toolUses: z.array(z.custom<AgentReport['toolUses'][number]>()).optional(),
  /** In the workspace since the run began; at most 200 of changedCount. */
  changedFiles: z.array(z.string()).optional(),
  changedCount: z.number().optional(),
  /** Why changedFiles is absent, or may lack some. */
  changedNote: z.string().optional(),
  usage: z.custom<RunUsage>().optional(),
  durationMs: z.number().optional(),
  agentSessionId: z.string().optional(),
  failure: z.custom<NonNullable<AgentReport['error']>>().optional(),
  /** The latest of what it does. */
  doing: z.array(z.string()),
});
export type AgentView = z.output<typeof agentView>;

/** The same in the results of other tools: written out in each of them it would take a client's room for nothing. */
export const agentPart = z.record(z.string(), z.unknown()).describe('As execute_in_session has it.');

export const agentCommandView = z.object({
  sessionId: z.string(),
  commandId: z.string(),
  state: z.enum(['running', 'finished', 'failed']),
  exitCode: z.number().optional(),
  agent: agentView,
  ...blockedFields,
  error: z.custom<{ readonly code: string; readonly message: string; readonly next: string }>().optional(),
  warning: z.string().optional(),
  next: z.string().optional(),
});
export type AgentCommandView = z.output<typeof agentCommandView>;

export function viewAgent({ agent, outcome, doing }: AgentRun): AgentView {
  if (outcome === undefined) return { agent, doing: doing.slice(-5) };
  if ('error' in outcome) return { agent, doing: [] };
  const { ok, stopReason, turns, durationMs, agentSessionId, error, usage, finalText, toolUses } = outcome.report;
  const bytes = Buffer.from(finalText);
  const head = bytes.length <= finalBytes ? bytes : wholeHead(bytes.subarray(0, finalBytes));
  const dropped = bytes.length - head.length;
  return {
    ...{ agent, ok, stopReason, finalText: head.toString(), turns, toolUses: toolUses.slice(0, mostTools), durationMs },
    ...(dropped > 0 ? { finalTextDroppedBytes: dropped } : {}),
    ...changesOf(outcome.report),
    ...(usage === undefined ? {} : { usage }),
    ...(agentSessionId === undefined ? {} : { agentSessionId }),
    ...(error === undefined ? {} : { failure: error }),
    doing: [],
  };
}

function changesOf({ changedFiles }: AgentReport) {
  if ('unknown' in changedFiles) return { changedNote: changedFiles.unknown };
  const { paths, total, isComplete } = changedFiles;
  const note = isComplete ? {} : { changedNote: 'more than is looked at may have changed' };
  return { changedFiles: [...paths], changedCount: total, ...note };
}

/** A run as its own tool shows it. */
export function viewAgentCommand(session: Session, run: AgentRun, nowMs: number): AgentCommandView {
  const { outcome, entry } = run;
  const base = {
    ...{ sessionId: session.id as string, commandId: entry.id as string, agent: viewAgent(run) },
    ...warningOf(session, nowMs),
  };
  if (outcome === undefined) {
    const next =
      'Still at work: call get_command with this commandId and waitMs to wait for its end, stop_command to end it.';
    return { ...base, state: 'running', next };
  }
  if ('error' in outcome) {
    const { code, message, hint } = outcome.error;
    return { ...base, state: 'failed', error: { code, message: safeLine(message, 1000), next: hint } };
  }
  const { exitCode, blockedHosts, note } = outcome.report;
  const noted = note === undefined ? {} : { next: note };
  return { ...base, state: 'finished', exitCode, ...viewBlocked(blockedHosts), ...noted };
}

/** The same in the form that commands have; what the agent prints is JSON, which only those read who ask for it by a cursor. */
export function viewAgentAsCommand(session: Session, run: AgentRun, nowMs: number): CommandView & { agent: AgentView } {
  const command = viewSilent(session, run.entry, nowMs);
  const { state, agent, next, error } = viewAgentCommand(session, run, nowMs);
  const silent = { stdout: '', stderr: '', stdoutDroppedBytes: 0, stderrDroppedBytes: 0, cursor: '0.0' };
  const rest = state === 'running' ? { next } : {};
  return { ...command, ...silent, state, agent, ...rest, ...(error === undefined ? {} : { error }) };
}

export function agentText(
  view: Pick<
    AgentCommandView,
    'sessionId' | 'commandId' | 'state' | 'agent' | 'error' | 'next' | 'warning' | 'blocked' | 'blockedMore'
  >,
): string {
  const { agent, error, warning, next } = view;
  const how =
    view.state === 'running'
      ? `${agent.agent} works`
      : view.state === 'failed'
        ? `failed: ${error?.code ?? ''} ${error?.message ?? ''} – ${error?.next ?? ''}`
        : endText(agent);
  return [
    `${view.commandId}: ${how}`,
    ...agent.doing.map((line) => `  ${safeLine(line, 160)}`),
    ...(agent.failure === undefined ? [] : [`why: ${safeLine(agent.failure.message, 800)}`]),
    ...(agent.finalText ? [`it says:\n${agent.finalText}`] : []),
    ...(agent.finalTextDroppedBytes === undefined ? [] : [`[… ${agent.finalTextDroppedBytes} bytes left out …]`]),
    ...changedLines(agent),
    ...blockedLines(view),
    ...(agent.agentSessionId === undefined ? [] : [`to go on with it: resume ${agent.agentSessionId}`]),
    `session ${view.sessionId}`,
    ...(warning === undefined ? [] : [`warning: ${warning}`]),
    ...(next === undefined ? [] : [next]),
  ].join('\n');
}

function endText({ agent, ok, stopReason, turns, toolUses = [], durationMs = 0, usage }: AgentView): string {
  const tools = toolUses.slice(0, 8).map(({ tool, count }) => `${safeLine(tool, 40)} ${count}`);
  const cost = usage?.costUsd === undefined ? '' : `, ${usage.costUsd.toFixed(4)} USD`;
  const used =
    usage === undefined
      ? ''
      : `; ${usage.inputTokens} tokens in, ${usage.outputTokens} out${cost} (by ${usage.countedBy})`;
  const how = ok === true ? 'is done' : `did not finish (${stopReason ?? '?'})`;
  const did = tools.length === 0 ? '' : `; tools: ${tools.join(', ')}`;
  return `${agent} ${how} after ${formatDuration(durationMs)}, ${turns ?? 0} turns${did}${used}`;
}

function changedLines({ changedFiles, changedCount = 0, changedNote }: AgentView): readonly string[] {
  const note = changedNote === undefined ? [] : [`changed files: ${changedNote}`];
  if (changedFiles === undefined) return note;
  if (changedCount === 0) return ['changed files: none', ...note];
  const shown = changedFiles.slice(0, mostLines).map((path) => `  ${safeLine(path, 100)}`);
  const more = changedCount > shown.length ? [`  … and ${changedCount - shown.length} more`] : [];
  return [`changed files (${changedCount}; review_changes shows them):`, ...shown, ...more, ...note];
}

/** Waits for a run as long as that, and reports what it does from time to time; says whether its report is there. */
export async function followAgent(
  session: Session,
  run: AgentRun,
  waitMs: number,
  { signal, progress }: ToolContext,
): Promise<boolean> {
  let seen = 0;
  for (let leftMs = waitMs; leftMs > 0 && !signal.aborted; leftMs -= everyMs) {
    if (await session.waitFor(run, Math.min(everyMs, leftMs), signal)) return true;
    const latest = run.doing.at(-1);
    if (run.told !== seen && latest !== undefined) progress(safeLine(latest, 200));
    seen = run.told;
  }
  return run.outcome !== undefined;
}
