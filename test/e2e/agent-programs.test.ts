import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { AgentRequest } from '../../src/agents/types.js';
import { AgentBench } from './support/agents/bench.js';

const loop = [
  { write: 'hello.sh', text: 'echo it-works >made.txt' },
  { run: 'sh hello.sh && cat made.txt' },
  { say: 'all done' },
];

const kinds: readonly { readonly id: AgentBench['id']; readonly base: Partial<AgentRequest> }[] = [
  { id: 'claude', base: {} },
  { id: 'codex', base: { model: 'gpt-5' } },
  { id: 'gemini', base: { model: 'gemini-2.5-pro' } },
];

describe.each(kinds)('the real $id', ({ id, base }) => {
  it('writes a file, runs it and finishes, from a prompt that looks like an option, with an MCP server; resumes; and dials nobody else', async () => {
    await using bench = await AgentBench.open(id);
    bench.model.script(loop);
    const prompt = '--help me, PROMPT-MARK';
    const notes = { command: 'python3', args: ['-I', join(import.meta.dirname, 'support/agents/notes.py')] };
    const mcpConfig = { mcpServers: { notes } };
    const first = await bench.run({ ...base, prompt, systemPrompt: '- SYSTEM-MARK', mcpConfig });
    expect(first.result).toMatchObject({ ok: true, finalText: 'all done', stopReason: 'completed', turns: 3 });
    expect(first.result.toolUses.reduce((sum, { count }) => sum + count, 0)).toBe(2);
    expect(first.result.usage).toMatchObject({ inputTokens: 300, outputTokens: 60 });
    expect(first.events.map(({ text }) => text)).toContainEqual(expect.stringMatching(/^runs \w+: sh hello\.sh/));
    expect(await readFile(join(bench.project, 'made.txt'), 'utf8')).toBe('it-works\n');
    const bodies = bench.model
      .modelRequests()
      .map(({ body }) => body)
      .join();
    for (const said of ['PROMPT-MARK', 'SYSTEM-MARK', 'it-works']) expect(bodies).toContain(said);
    // Claude Code offers such a tool later, and calls it in test/mcp/agents.test.ts.
    if (id !== 'claude') expect(bodies).toContain('Reads notes.');

    const before = bench.model.requests.length;
    const resume = first.result.agentSessionId!;
    const again = await bench.run({ ...base, prompt: 'and now?', resume });
    expect(again.result).toMatchObject({ ok: true, finalText: 'done', agentSessionId: resume });
    expect(
      bench.model.requests
        .slice(before)
        .map(({ body }) => body)
        .join(),
    ).toContain('PROMPT-MARK');
    expect(bench.strayed).toEqual([]);
  });

  it('has a result when its turns are over, its key is refused, or the model hangs', async () => {
    await using bench = await AgentBench.open(id);
    bench.model.script([], { run: 'echo again' });
    expect((await bench.run({ ...base, maxTurns: 2 })).result).toMatchObject({ ok: false, stopReason: 'max-turns' });

    bench.model.script([], { fault: 'status', status: 401 });
    const refused = await bench.run(base);
    expect(refused.result).toMatchObject({ ok: false, stopReason: 'model-error' });
    expect(refused.result.error?.message).toMatch(/401/);

    bench.model.script([], { fault: 'hang' });
    const before = bench.model.requests.length;
    const hung = await bench.run(base, { timeoutMs: 8000 });
    expect(hung.result).toMatchObject({ ok: false, stopReason: 'timeout' });
    expect(bench.model.requests.length).toBeGreaterThan(before);
  });
});

// For Claude Code by the tools that it may use, below.
describe.each(kinds.filter(({ id }) => id !== 'claude'))('the real $id', ({ id, base }) => {
  it('writes nothing when it is strict', async () => {
    await using bench = await AgentBench.open(id);
    bench.model.script([{ run: 'echo x >no.txt' }, { write: 'no.txt', text: 'x' }, { say: 'all done' }]);
    await bench.run({ ...base, strictPermissions: true });
    const bodies = bench.model.modelRequests().map(({ body }) => body);
    // Codex is told to and fails; Gemini CLI does not offer what it would deny.
    if (id === 'codex') expect(bodies.at(-1)).toContain('no.txt');
    else expect(bodies.join()).not.toMatch(/"name":"(?:run_shell_command|write_file|replace)"/);
    await expect(readFile(join(bench.project, 'no.txt'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('the real Claude Code', () => {
  it('works as uid 0 of a user namespace', async () => {
    await using bench = await AgentBench.open('claude');
    bench.model.script(loop);
    const { result } = await bench.run({}, { before: ['unshare', '--user', '--map-root-user'] });
    expect(result).toMatchObject({ ok: true, finalText: 'all done' });
  });

  it('uses only what it was allowed when it is strict', async () => {
    await using bench = await AgentBench.open('claude');
    bench.model.script([{ run: 'echo x >no.txt' }, { write: 'yes.txt', text: 'y' }]);
    await bench.run({ strictPermissions: true, allowedTools: ['Write'] });
    expect(await readFile(join(bench.project, 'yes.txt'), 'utf8')).toBe('y');
    await expect(readFile(join(bench.project, 'no.txt'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('asks Bedrock unsigned for the model that was named', async () => {
    await using bench = await AgentBench.open('claude');
    bench.model.script(loop);
    const { result } = await bench.run({ bedrock: { region: 'eu-west-1', model: 'eu.anthropic.a-model' } });
    expect(result).toMatchObject({ ok: true, finalText: 'all done' });
    const asked = bench.model.modelRequests();
    expect(new Set(asked.map(({ path }) => path))).toEqual(
      new Set(['/bedrock/model/eu.anthropic.a-model/invoke-with-response-stream']),
    );
    expect(asked.map(({ headers }) => headers['authorization'])).toEqual(asked.map(() => undefined));
  });
});
