import { claude } from './claude.js';
import { codex } from './codex.js';
import { gemini } from './gemini.js';
import { opencode } from './opencode.js';
import type { AgentAdapter, AgentId } from './types.js';

export const agents: Readonly<Record<AgentId, AgentAdapter>> = { claude, codex, gemini, opencode };
