import { agents } from '../../../../src/agents/all.js';
import type { AgentEvent, AgentExec, AgentId, AgentRequest, AgentResult } from '../../../../src/agents/types.js';

export const places = {
  anthropic: 'http://127.0.0.1:61200/anthropic',
  openai: 'http://127.0.0.1:61200/openai',
  google: 'http://127.0.0.1:61200/google',
  bedrock: 'http://127.0.0.1:61200/bedrock',
  placeholderKey: 'paddock-placeholder',
};

/** A request that every agent can serve, with `changes`. */
export function request(id: AgentId, changes: Partial<AgentRequest> = {}): AgentRequest {
  return {
    prompt: 'do it',
    strictPermissions: false,
    ...(id === 'opencode' ? { model: 'anthropic/a-model' } : {}),
    ...changes,
  };
}

export interface Heard {
  readonly events: readonly AgentEvent[];
  readonly result: AgentResult;
}

/** Feeds an agent's lines to its parser, then ends the command. Text is printed as it is. */
export function hear(
  id: AgentId,
  lines: readonly (object | string)[],
  exec: Partial<AgentExec> = {},
  maxTurns?: number,
): Heard {
  const parser = agents[id].newParser(maxTurns === undefined ? {} : { maxTurns });
  const events = lines.flatMap((line) =>
    parser.push(Buffer.from(typeof line === 'string' ? line : `${JSON.stringify(line)}\n`)),
  );
  return { events, result: parser.end({ exitCode: 0, reason: 'exited', durationMs: 5, stderrTail: '', ...exec }) };
}
