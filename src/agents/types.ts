import type { ExitReason } from '../core/exec.js';
import type { McpConfig } from './mcp-config.js';
import type { ReadingPace } from './reading-pace.js';

export const agentIds = ['claude', 'codex', 'gemini', 'opencode'] as const;
export type AgentId = (typeof agentIds)[number];

/** Whose models an agent can be run with; each is a place of the credential broker. */
export const providers = ['anthropic', 'openai', 'google', 'bedrock'] as const;
export type Provider = (typeof providers)[number];

/** What is asked of an agent, already parsed (request.ts). */
export interface AgentRequest {
  readonly prompt: string;
  /** The agent's own name for it; opencode's has the provider in front (`anthropic/…`). */
  readonly model?: string;
  /** For titles and other small work, where the agent has such a setting. */
  readonly smallModel?: string;
  /** False: the sandbox is the boundary and the agent may do everything in it. True: only what `allowedTools` names. */
  readonly strictPermissions: boolean;
  /** Tools by the agent's own names; needs `strictPermissions`. */
  readonly allowedTools?: readonly string[];
  readonly mcpConfig?: McpConfig;
  /** `agentSessionId` of an earlier run, whose config folder must still be there. */
  readonly resume?: string;
  /** Answers of the model after which the run ends. */
  readonly maxTurns?: number;
  /** Added to the agent's own, never in its place. */
  readonly systemPrompt?: string;
  /** Anthropic's models by way of Bedrock; Claude Code only. */
  readonly bedrock?: { readonly region: string; readonly model: string; readonly smallModel?: string };
}

/**
 * Base addresses inside the sandbox, each standing for a provider's scheme and host: `ANTHROPIC/v1/messages`,
 * `OPENAI/v1/responses`, `GOOGLE/v1beta/models/…`, `BEDROCK/model/…`.
 */
export type Places = { readonly [P in Provider]?: string } & {
  /** What stands where a key would: agents refuse to start without one, and the broker replaces it. */
  readonly placeholderKey: string;
};

export interface ConfigFile {
  /** Relative to the config folder. */
  readonly path: string;
  readonly content: string;
  readonly mode: number;
}

/** How to run an agent once. */
export interface AgentPlan {
  /** The first word is the program, by name. */
  readonly argv: readonly string[];
  /** Besides what every command of the sandbox has; nothing in it is secret. */
  readonly env: Readonly<Record<string, string>>;
  /** The prompt: it never is an argument, where it could be taken for an option and shows in the process list. */
  readonly stdin: string;
  /** To be written (again) before each run: what runs in the sandbox may have changed them. */
  readonly files: readonly ConfigFile[];
}

export interface ParserOptions {
  readonly maxTurns?: number | undefined;
  /** Absent: everything is read, however fast it comes. */
  readonly pace?: ReadingPace | undefined;
}

export interface AgentAdapter {
  readonly id: AgentId;
  readonly title: string;
  readonly providers: readonly Provider[];
  /**
   * `configFolder` is an absolute path inside, empty or of an earlier run, writable by the agent alone.
   * BAD_ARGUMENT where the agent has no such thing as was asked for, or no place for its provider is given.
   */
  plan(request: AgentRequest, places: Places, configFolder: string): AgentPlan;
  newParser(options?: ParserOptions): AgentParser;
}

/** One short line about what the agent is doing, safe to print. */
export interface AgentEvent {
  readonly kind: 'thinks' | 'says' | 'uses' | 'waits';
  readonly text: string;
}

/** Reads what an agent prints. All of it comes from the sandbox: it is what the agent (or what runs beside it) claims. */
export interface AgentParser {
  /** A piece of standard output. Returns what is new, at most the last 100 events. */
  push(chunk: Uint8Array): AgentEvent[];
  /**
   * Set when the run should be ended now: it has had `maxTurns` answers of an agent that has no such limit itself, or its key
   * was refused. Abort the command then, and `end` says why.
   */
  readonly wantsEnd: StopReason | undefined;
  end(exec: AgentExec): AgentResult;
}

/** How the agent's command ended. */
export interface AgentExec {
  readonly exitCode: number;
  readonly reason: ExitReason;
  readonly signal?: string;
  readonly durationMs: number;
  /** The end of standard error. */
  readonly stderrTail: string;
}

/**
 * Why a run ended. `completed`: the agent says it is done. `model-error`: the provider refused, failed or could not be
 * reached. `agent-error`: the agent gave up for another reason. `no-result`: it ended without a word about how.
 */
export type StopReason =
  | 'completed'
  | 'max-turns'
  | 'model-error'
  | 'agent-error'
  | 'no-result'
  | Exclude<ExitReason, 'exited'>;

export interface AgentUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens?: number;
  /** By the agent's own price list. */
  readonly costUsd?: number;
}

/** One run. Failure has the same shape as success. Texts are safe to print and cut to a limit. */
export interface AgentResult {
  readonly ok: boolean;
  readonly finalText: string;
  /** Answers of the model; for agents that do not count them, tool uses and last words. */
  readonly turns: number;
  /** Most used first. */
  readonly toolUses: readonly { readonly tool: string; readonly count: number }[];
  /** Absent where the agent did not come to say it. */
  readonly usage?: AgentUsage;
  readonly durationMs: number;
  /** To resume from. */
  readonly agentSessionId?: string;
  readonly stopReason: StopReason;
  readonly error?: { readonly message: string; readonly httpStatus?: number };
}
