import { PaddockError } from '../../../../../src/core/errors.js';
import type { ExecRequest, ExecResult } from '../../../../../src/core/exec.js';
import type { BrokerUsage } from '../../../../../src/egress/broker/ledger.js';
import type { CommandOptions } from '../../../../../src/sandbox/command/command.js';
import type { AgentMeans, AgentSession, RunBroker } from '../../../../../src/session/agents/means.js';
import type { SessionRecord } from '../../../../../src/session/record.js';
import type { Review } from '../../../../../src/workspace/changes/change.js';
import { stage } from '../../../tools/support/stage.js';
import { record } from '../../support/records.js';

interface Started {
  readonly request: ExecRequest;
  readonly options: CommandOptions;
  /** Prints as the agent does, to its reader and to what is kept. */
  readonly print: (line: object | string) => void;
  readonly finish: (exitCode: number, reason?: ExecResult['reason']) => void;
}

const noTokens = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, cacheWriteLong: 0 };
export const noUsage: BrokerUsage = { requests: 0, tokens: noTokens, costUsd: 0, unpriced: 0, lines: [] };

/** A session in which the test is the agent. The probe finds it at `program`, or not at all when that is undefined. */
export function stagedAgent(changes: Partial<SessionRecord['spec']> = {}) {
  const one = record();
  const staged = stage({ ...one, spec: { ...one.spec, ...changes } });
  const { session, sandbox, clock } = staged;
  const settings = {
    program: '/usr/bin/claude' as string | undefined,
    usage: noUsage,
    review: [] as Review['changes'],
  };
  const started: Started[] = [];
  const probes: ExecRequest[] = [];
  const make = sandbox.start;
  sandbox.start = async (id: string, request: ExecRequest, options: CommandOptions = {}) => {
    const command = await make(id, request);
    if (request.argv[0] === '/bin/sh') {
      probes.push(request);
      if (settings.program !== undefined) command.output.stdout.write(Buffer.from(`${settings.program}\n`));
      command.finish(settings.program === undefined ? 127 : 0);
      return command;
    }
    options.signal?.addEventListener('abort', () => command.finish(130, 'aborted'));
    const print = (line: object | string) => {
      const bytes = Buffer.from(typeof line === 'string' ? line : `${JSON.stringify(line)}\n`);
      command.output.stdout.write(bytes);
      void options.onOutput?.('stdout', bytes);
    };
    started.push({ request, options, print, finish: (code, reason) => command.finish(code, reason) });
    return command;
  };
  const broker: RunBroker = {
    places: { anthropic: 'http://127.0.0.1:61200/anthropic' },
    placeholderKey: 'paddock-placeholder',
    usage: () => settings.usage,
  };
  const means: AgentMeans = {
    ...{ sitePolicy: staged.services.sitePolicy, clock, hostPath: '/nowhere' },
    review: () => Promise.resolve({ changes: settings.review, isComplete: true, cutBecause: [] }),
  };
  const brokered: string[] = [];
  const ensureBroker: AgentSession['ensureBroker'] = (providers) => {
    brokered.push(...providers);
    if (providers.includes('openai')) return Promise.reject(new PaddockError('BAD_ARGUMENT', 'no key for openai'));
    return Promise.resolve(broker);
  };
  const agentSession: Omit<typeof session, 'ensureBroker'> & AgentSession = Object.assign(session, { ensureBroker });
  const services = Object.assign(staged.services, { agents: means });
  return { ...staged, session: agentSession, services, settings, started, probes, brokered, means };
}

/** What Claude Code prints, in short. */
export const says = {
  begins: { type: 'system', subtype: 'init', session_id: '0123abcd-0000-4000-8000-000000000001' },
  runs: (command: string, id = 'm1') => ({
    type: 'assistant',
    message: { id, content: [{ type: 'tool_use', name: 'Bash', input: { command } }] },
  }),
  ends: {
    ...{ type: 'result', subtype: 'success', is_error: false, result: 'all done', num_turns: 2 },
    session_id: '0123abcd-0000-4000-8000-000000000001',
    usage: { input_tokens: 7, output_tokens: 3 },
  },
};
