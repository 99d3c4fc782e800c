import { readFile } from 'node:fs/promises';
import { mcpConfigSchema } from '../../agents/mcp-config.js';
import { type AgentEvent, type AgentId, type AgentRequest, agentIds } from '../../agents/types.js';
import { refusalLine } from '../../core/egress-text.js';
import { PaddockError } from '../../core/errors.js';
import { Disposables } from '../../kit/disposables.js';
import { safeLine } from '../../kit/safe-text.js';
import { startAgent } from '../../session/agents/agent-run.js';
import type { AskedRun } from '../../session/agents/means.js';
import type { AgentReport, AgentRun } from '../../session/agents/types.js';
import { bedrockRegion } from '../../session/broker/provider-routes.js';
import { noKeys } from '../../session/broker/take-keys.js';
import { agentMeans } from '../agent-means.js';
import { App } from '../app.js';
import { type CliCommand, type CliOptions, type CommandContext, isSet, text, texts } from '../command.js';
import { report, write } from '../output.js';
import { whileShown } from '../progress-line.js';
import { reapBeside } from '../prune-here.js';
import { changesLine, changesOfRun } from '../run-changes.js';
import { settingsOf } from '../settings.js';
import { tellQuestions } from '../tell-questions.js';
import { notEnforced } from './command-io.js';
import { requestOptions, startOf } from './request.js';

const agentOptions = {
  agent: { type: 'string', help: 'claude, codex, gemini or opencode (default: claude)' },
  model: { type: 'string', help: "model by the agent's own name" },
  'max-turns': { type: 'string', help: 'answers of the model after which it ends' },
  'system-prompt': { type: 'string', help: "text added to the agent's own" },
  strict: { type: 'boolean', help: 'let it use only what --tool names, instead of everything in the sandbox' },
  tool: { type: 'string', multiple: true, help: 'tool that it may use with --strict; repeatable' },
  'mcp-config': { type: 'string', help: 'file of MCP servers for it, in the form of .mcp.json' },
  'mcp-secrets': { type: 'boolean', help: 'let everything in the sandbox have the secrets in that file' },
  timeout: { type: 'string', help: 'when it is ended, such as 10m or 2h (default: 30m)' },
  'bedrock-region': { type: 'string', help: "Bedrock's region (default: as AWS's tools find it)" },
  'bedrock-model': { type: 'string', help: 'use Bedrock, with that model by its name there' },
  'bedrock-small-model': { type: 'string', help: "Bedrock's name of the model for small work" },
} as const satisfies CliOptions;

export const agent: CliCommand = {
  name: 'agent',
  usage: 'agent [--agent claude] [--project DIR] [OPTIONS] -- PROMPT',
  summary: 'a coding agent in a fresh sandbox, without a key; ends with what it changed',
  options: { ...requestOptions, ...agentOptions },
  passesExitCode: true,
  async run(context) {
    await using app = new App(await settingsOf(context), context.env);
    const asked = await askedOf(context, app);
    await using beside = new Disposables();
    beside.use(reapBeside(app, context.signal));
    const sessions = await app.sessions('attached');
    const { request, origin } = await startOf(context, app);
    const session = await whileShown(context.terminal, 'copying: ', (onProgress) =>
      sessions.create({ ...request, ...bedrockIn(asked) }, context.signal, { origin, onProgress }),
    );
    tellQuestions(context, session);
    const weak = notEnforced(session.sandbox.handle.evidence.controls);
    for (const note of [...(weak === undefined ? [] : [weak]), ...session.notes]) await tell(context, note);
    const run = await startAgent(session, asked, agentMeans(app, context.env), context.signal);
    const done = await untilDone(run, context.signal);
    const changes = await changesOfRun(app, session, context.signal);
    await sessions.destroy(session.id);
    const isKept = session.record.spec.keepChangesMs !== 0;
    if (context.json) await report(context, { sessionId: session.id, ...done, changes, isKept }, '');
    else await show(context, done);
    const line = changes === undefined ? undefined : changesLine(changes, session.id, isKept, 'the agent');
    if (line !== undefined) await tell(context, line);
    if (line !== undefined && isKept) await tell(context, `apply it: \`paddock apply ${session.id}\``);
    return exitCodeOf(done);
  },
};

/** The broker signs for the region that the session is made with. */
function bedrockIn({ request: { bedrock } }: AskedRun) {
  return bedrock === undefined ? {} : { useBedrock: true, awsRegion: bedrock.region };
}

/** Errors: BAD_ARGUMENT. */
async function askedOf(context: CommandContext, app: App): Promise<AskedRun> {
  const prompt = context.rest.join(' ');
  if (prompt.trim() === '') {
    throw new PaddockError('BAD_ARGUMENT', 'there is no prompt', {
      hint: 'Put it behind two dashes: `paddock agent --project . -- "Fix the failing test"`.',
    });
  }
  const name = text(context, 'agent') ?? 'claude';
  const id = agentIds.find((one) => one === name);
  if (id === undefined) {
    throw new PaddockError(
      'BAD_ARGUMENT',
      `there is no agent ${safeLine(name, 40)}: it is one of ${agentIds.join(', ')}`,
    );
  }
  const timeout = text(context, 'timeout');
  return {
    ...{ agent: id satisfies AgentId, request: await requestFor(context, prompt, app) },
    ...(timeout === undefined ? {} : { timeout }),
    mcpSecretsAllowed: isSet(context, 'mcp-secrets'),
    ...(context.json ? {} : { onEvents: (events: readonly AgentEvent[]) => showEvents(context, events) }),
  };
}

async function requestFor(context: CommandContext, prompt: string, app: App): Promise<AgentRequest> {
  const [model, maxTurns, systemPrompt] = [
    text(context, 'model'),
    text(context, 'max-turns'),
    text(context, 'system-prompt'),
  ];
  const [tools, mcp, bedrock] = [texts(context, 'tool'), text(context, 'mcp-config'), await bedrockOf(context, app)];
  return {
    ...{ prompt, strictPermissions: isSet(context, 'strict') },
    ...(model === undefined ? {} : { model }),
    ...(maxTurns === undefined ? {} : { maxTurns: Number(maxTurns) }),
    ...(systemPrompt === undefined ? {} : { systemPrompt }),
    ...(tools.length === 0 ? {} : { allowedTools: tools }),
    ...(mcp === undefined ? {} : { mcpConfig: await mcpConfigIn(mcp) }),
    ...(bedrock === undefined ? {} : { bedrock }),
  };
}

async function bedrockOf(context: CommandContext, app: App): Promise<AgentRequest['bedrock']> {
  const [asked, model] = [text(context, 'bedrock-region'), text(context, 'bedrock-model')];
  const smallModel = text(context, 'bedrock-small-model');
  if (asked === undefined && model === undefined && smallModel === undefined) return undefined;
  const { broker: rules } = app.config.sitePolicy;
  const region = asked ?? (await bedrockRegion({ given: noKeys, sources: app.keySources, rules }));
  if (region === undefined || model === undefined) {
    throw new PaddockError(
      'BAD_ARGUMENT',
      'Bedrock needs --bedrock-model, and --bedrock-region where AWS settings have none',
    );
  }
  return { region, model, ...(smallModel === undefined ? {} : { smallModel }) };
}

async function mcpConfigIn(path: string) {
  let content: unknown;
  try {
    content = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new PaddockError('BAD_ARGUMENT', `--mcp-config ${path} could not be read as JSON`, { cause });
  }
  const parsed = mcpConfigSchema.safeParse(content);
  if (parsed.success) return parsed.data;
  // The places, never what stands there: it may be a secret.
  const places = parsed.error.issues.map((issue) => issue.path.join('.')).slice(0, 5);
  throw new PaddockError(
    'BAD_ARGUMENT',
    `--mcp-config ${path} is no configuration of MCP servers, at ${places.join(', ')}`,
  );
}

async function untilDone(run: AgentRun, signal: AbortSignal): Promise<AgentReport> {
  const onAbort = () => void run.entry.command.end('aborted').catch(() => undefined);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  await run.settled;
  signal.removeEventListener('abort', onAbort);
  const { outcome } = run;
  if (outcome === undefined) throw new PaddockError('INTERNAL', 'the agent has no outcome');
  if ('error' in outcome) throw outcome.error;
  return outcome.report;
}

/** Held back by nothing: lines of a few hundred characters, at the pace of a model. */
function showEvents({ terminal }: CommandContext, events: readonly AgentEvent[]): void {
  if (terminal.stderr.writableNeedDrain) return;
  for (const { text: line } of events) terminal.stderr.write(`  ${safeLine(line, 160)}\n`);
}

async function show(context: CommandContext, done: AgentReport): Promise<void> {
  const { finalText, usage, changedFiles, error, blockedHosts, turns, stopReason, agentSessionId, note } = done;
  if (finalText !== '') await write(context.terminal.stdout, `${finalText}\n`);
  if (error !== undefined)
    await tell(context, `the agent did not finish (${stopReason}): ${safeLine(error.message, 1000)}`);
  const cost = usage?.costUsd === undefined ? '' : `, ${usage.costUsd.toFixed(4)} USD`;
  const used = usage === undefined ? '' : `, ${usage.inputTokens} tokens in, ${usage.outputTokens} out${cost}`;
  await tell(context, `${turns} turns${used}${agentSessionId === undefined ? '' : ` (${agentSessionId})`}`);
  for (const refused of blockedHosts) await tell(context, refusalLine(refused));
  if (note !== undefined) await tell(context, note);
  if (!('paths' in changedFiles)) return;
  for (const path of changedFiles.paths.slice(0, 20)) await tell(context, `changed ${path}`);
}

async function tell({ terminal, json }: CommandContext, line: string): Promise<void> {
  if (!json) await write(terminal.stderr, `paddock: ${line}\n`);
}

/** That of the agent's command; 1 for an agent that ended well and says that it failed, or that was ended for that. */
function exitCodeOf({ ok, exitCode, stopReason }: AgentReport): number {
  if (ok) return 0;
  const isOwn = stopReason === 'max-turns' || stopReason === 'model-error';
  return isOwn || exitCode === 0 ? 1 : exitCode;
}
