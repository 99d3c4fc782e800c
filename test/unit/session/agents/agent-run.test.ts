import { describe, expect, it } from 'vitest';
import { agents } from '../../../../src/agents/all.js';
import { type AgentRequest, agentIds } from '../../../../src/agents/types.js';
import { builtInPolicy } from '../../../../src/config/built-in-policy.js';
import type { SandboxSpec } from '../../../../src/core/spec.js';
import { decideExec } from '../../../../src/policy/exec.js';
import { startAgent } from '../../../../src/session/agents/agent-run.js';
import type { AskedRun } from '../../../../src/session/agents/means.js';
import { getCommand } from '../../../../src/tools/get-command.js';
import type { Change } from '../../../../src/workspace/changes/change.js';
import { askNobody, standIn } from '../support/no-network.js';
import { record } from '../support/records.js';
import { noUsage, says, stagedAgent } from './support/staged-agent.js';

const { signal } = new AbortController();

function asking(request: Partial<AgentRequest> = {}, more: Partial<AskedRun> = {}): AskedRun {
  return {
    ...{ agent: 'claude', mcpSecretsAllowed: false, ...more },
    request: { prompt: 'PROMPT-MARK', strictPermissions: false, ...request },
  };
}

const change = (path: string, stamp: string): Change => ({
  ...{ path, kind: 'added' },
  after: { type: 'file', mode: 0o644, sizeBytes: 1, stamp },
});

describe('a run of an agent', () => {
  it('is a command of the session with the prompt on its standard input, a timeout of half an hour, and a report', async () => {
    const { session, means, settings, started } = stagedAgent();
    const heard: string[] = [];
    const asked = asking({}, { onEvents: (events) => heard.push(...events.map(({ text }) => text)) });
    const run = await startAgent(session, asked, means, signal);
    const { request, print, finish } = started[0]!;
    expect(request).toMatchObject({ stdin: 'PROMPT-MARK', timeoutMs: 1_800_000 });
    expect(request.argv[0]).toBe('/usr/bin/claude');
    expect(request.env).toMatchObject({ CLAUDE_CONFIG_DIR: '/home/agent/.paddock/claude' });
    expect(session.agents.find(run.entry.id)).toBe(run);
    print(says.begins);
    print(says.runs('npm test'));
    expect(run.doing).toEqual(['runs Bash: npm test']);
    expect(heard).toEqual(['runs Bash: npm test']);
    settings.usage = { ...noUsage, requests: 2, tokens: { ...noUsage.tokens, input: 300, output: 60 }, costUsd: 0.5 };
    print(says.ends);
    finish(0);
    await run.settled;
    expect(run.outcome).toMatchObject({
      report: {
        ...{ ok: true, stopReason: 'completed', finalText: 'all done', exitCode: 0, agent: 'claude' },
        usage: { inputTokens: 300, outputTokens: 60, costUsd: 0.5, countedBy: 'broker' },
        ...{ blockedHosts: [], changedFiles: { unknown: 'there is no workspace' } },
      },
    });
  });

  it('says what the agent claims to have used where nothing was counted outside', async () => {
    const { session, means, started } = stagedAgent();
    const run = await startAgent(session, asking(), means, signal);
    started[0]!.print(says.ends);
    started[0]!.finish(0);
    await run.settled;
    expect(run.outcome).toMatchObject({ report: { usage: { inputTokens: 7, outputTokens: 3, countedBy: 'agent' } } });
  });

  it('tells the files that are not as they were before it, and none that the session had changed already', async () => {
    const { session, means, settings, started } = stagedAgent({ workspace: 'cow' });
    settings.review = [change('kept', '1'), change('written', '1'), change('undone', '1')];
    const run = await startAgent(session, asking(), means, signal);
    settings.review = [change('kept', '1'), change('new\u202e', '1'), change('written', '2')];
    started[0]!.finish(1);
    await run.settled;
    expect(run.outcome).toMatchObject({
      report: { changedFiles: { paths: ['new\\u{202e}', 'written', 'undone'], total: 3, isComplete: true } },
    });
  });

  it('lists two hundred changed files of any number', async () => {
    const { session, means, settings, started } = stagedAgent({ workspace: 'cow' });
    const run = await startAgent(session, asking(), means, signal);
    settings.review = Array.from({ length: 1000 }, (_, at) => change(`f${at}`, '1'));
    started[0]!.finish(0);
    await run.settled;
    expect(run.outcome).toMatchObject({ report: { changedFiles: { total: 1000 } } });
    expect(run.outcome).toHaveProperty('report.changedFiles.paths.length', 200);
  });

  it('has a result when nobody can tell what it changed, and when it prints what is no result', async () => {
    const { session, means, started } = stagedAgent({ workspace: 'cow' });
    const broken = { ...means, review: () => Promise.reject(new Error('gone')) };
    const run = await startAgent(session, asking(), broken, signal);
    started[0]!.print('\u001b[2Jno json\n'.repeat(1000));
    started[0]!.finish(137, 'output-limit');
    await run.settled;
    expect(run.outcome).toMatchObject({
      report: { ok: false, stopReason: 'output-limit', exitCode: 137, changedFiles: { unknown: expect.any(String) } },
    });
  });

  it('that ended well says what its programs missed, and where that is said', async () => {
    const { session, means, services, context, started } = stagedAgent();
    standIn(session);
    const run = await startAgent(session, asking(), means, signal);
    await askNobody();
    started[0]!.print(says.ends);
    started[0]!.finish(0);
    await run.settled;
    const note = expect.stringMatching(/network none.*names: [1-9].*presets such as npm/s);
    expect(run.outcome).toMatchObject({ report: { ok: true, note } });
    const { structured, text } = await getCommand.call(
      services,
      { sessionId: session.id, commandId: run.entry.id },
      context,
    );
    expect([structured['next'], text]).toEqual([note, note]);
  });

  it('is ended when its key is refused', async () => {
    const { session, means, started } = stagedAgent();
    const run = await startAgent(session, asking(), means, signal);
    started[0]!.print({ type: 'system', subtype: 'api_retry', error_status: 401, error: 'authentication_failed' });
    await run.settled;
    expect(started[0]!.options.signal?.aborted).toBe(true);
    expect(run.outcome).toMatchObject({ report: { ok: false, stopReason: 'model-error' } });
  });

  it('is one at a time in a session, and the next one follows when its report is there', async () => {
    const { session, means, started, brokered } = stagedAgent();
    const first = startAgent(session, asking(), means, signal);
    await expect(startAgent(session, asking(), means, signal)).rejects.toMatchObject({ code: 'LIMIT_REACHED' });
    const run = await first;
    await expect(startAgent(session, asking(), means, signal)).rejects.toMatchObject({ code: 'LIMIT_REACHED' });
    started[0]!.finish(0);
    await run.settled;
    await startAgent(session, asking(), means, signal);
    expect(started).toHaveLength(2);
    expect(brokered).toEqual(['anthropic', 'anthropic']);
  });
});

it.each(agentIds)('the command of %s is one that policy lets run', (id) => {
  const place = 'http://127.0.0.1:61200/x';
  const places = { anthropic: place, openai: place, google: place, placeholderKey: 'paddock-placeholder' };
  const model = id === 'opencode' ? { model: 'openai/gpt-5' } : {};
  const { argv, env, stdin } = agents[id].plan({ ...asking(model).request }, places, '/home/agent/x');
  const spec = record().spec as unknown as SandboxSpec;
  expect(decideExec({ argv: [...argv], env, stdin }, spec, builtInPolicy('/home/ann'))).toMatchObject({
    verdict: 'allow',
  });
});

describe('a run that is refused', () => {
  it('because of secrets in mcpConfig names the rule and the places, never a value, and runs nothing', async () => {
    const { session, means, commands } = stagedAgent();
    const mcpConfig = { mcpServers: { github: { command: 'gh-mcp', env: { GITHUB_TOKEN: 'SECRET-VALUE' } } } };
    const refused = await startAgent(session, asking({ mcpConfig }), means, signal).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'POLICY_DENIED', ruleId: 'agent.mcp-secret' });
    expect((refused as Error).message).toContain('mcpServers.github.env.GITHUB_TOKEN');
    expect(`${String(refused)} ${JSON.stringify(refused)}`).not.toContain('SECRET-VALUE');
    expect(commands).toEqual([]);
  });

  it.each([
    ['without a key for its provider', asking({}, { agent: 'codex' }), { code: 'BAD_ARGUMENT' }],
    ['for more time than the site allows', asking({}, { timeout: '9000h' }), { code: 'POLICY_DENIED' }],
    ['for what is no session of the agent', asking({ resume: '--help' }), { code: 'BAD_ARGUMENT' }],
  ])('%s runs nothing', async (_why, asked, expected) => {
    const { session, means, commands } = stagedAgent();
    await expect(startAgent(session, asked, means, signal)).rejects.toMatchObject(expected);
    expect(commands).toEqual([]);
  });

  it('because its program is not there says what to do, in the host image and in others', async () => {
    const inHost = { image: { kind: 'host' as const, extraFolders: [] }, hint: /Install it under \/usr/ };
    const other = { kind: 'reference' as const, reference: 'localhost/x:1', pullAllowed: false };
    for (const { image, hint } of [inHost, { image: other, hint: /paddock image build/ }]) {
      const { session, means, settings, started } = stagedAgent({ image });
      settings.program = undefined;
      await expect(startAgent(session, asking(), means, signal)).rejects.toMatchObject({
        ...{ code: 'AGENT_NOT_FOUND', hint: expect.stringMatching(hint) },
      });
      expect(started).toEqual([]);
    }
  });

  it('does not keep another from beginning', async () => {
    const { session, means, settings, started } = stagedAgent();
    settings.program = undefined;
    await expect(startAgent(session, asking(), means, signal)).rejects.toMatchObject({ code: 'AGENT_NOT_FOUND' });
    settings.program = '/opt/claude';
    await startAgent(session, asking(), means, signal);
    expect(started).toHaveLength(1);
  });
});
