import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { AgentId, AgentRequest } from '../../src/agents/types.js';
import { SessionFiles } from '../../src/session/files.js';
import { engineKinds } from '../engine/support/engines.js';
import { canaries, realKeys, SandboxBench } from './support/agents/sandbox-bench.js';

const loop = [
  { write: 'hello.sh', text: 'echo it-works >made.txt; tr "\\0" "\\n" </proc/$PPID/environ >seen.txt' },
  { run: 'sh hello.sh && cat made.txt' },
  { say: 'all done' },
];

const all: readonly {
  readonly id: AgentId;
  readonly base: Partial<AgentRequest>;
  readonly key: string;
  /** Of three answers; what comes from a cache is counted by itself. */
  readonly used: object;
}[] = [
  {
    id: 'claude',
    base: {},
    key: realKeys.anthropic,
    used: { inputTokens: 300, cacheReadTokens: 21, outputTokens: 60 },
  },
  {
    id: 'codex',
    base: { model: 'gpt-5' },
    key: realKeys.openai,
    used: { inputTokens: 279, cacheReadTokens: 21, outputTokens: 60 },
  },
  {
    id: 'gemini',
    base: { model: 'gemini-2.5-pro' },
    key: realKeys.google,
    used: { inputTokens: 300, outputTokens: 60 },
  },
  {
    ...{ id: 'opencode', base: { model: 'anthropic/claude-sonnet-4-5' }, key: realKeys.anthropic },
    // It asks for a title besides.
    used: { inputTokens: 400, cacheReadTokens: 28, outputTokens: 80 },
  },
];
const kinds = engineKinds.flatMap((kind) => all.map((one) => ({ kind, ...one })));
/** Tried with everything; of the last two the way through a sandbox is, on one engine: what is their own has nothing to do with which. */
const isThorough = ({ id }: { readonly id: AgentId }) => id === 'claude' || id === 'codex';
const loops = kinds.filter((one) => one.kind === 'podman' || isThorough(one));

describe.each(loops)('the real $id in a sandbox without a network on $kind', ({ kind, id, base, key, used }) => {
  it('writes a file, runs it and finishes; resumes; and the key is at the provider and nowhere inside', async () => {
    await using bench = await SandboxBench.open(kind, id);
    const session = await bench.session();
    bench.model.script(loop);
    const first = await bench.run(session, { ...base, prompt: '--help me, PROMPT-MARK' });
    expect(first.report).toMatchObject({
      ok: true,
      finalText: 'all done',
      stopReason: 'completed',
      turns: 3,
      exitCode: 0,
    });
    expect(first.report.changedFiles).toMatchObject({ isComplete: true, total: 3 });
    expect(first.report.changedFiles).toHaveProperty('paths', ['hello.sh', 'made.txt', 'seen.txt']);
    expect(first.report.usage).toMatchObject({ ...used, countedBy: 'broker' });
    expect(first.events.map(({ text }) => text)).toContainEqual(expect.stringMatching(/^runs \w+: .*sh hello\.sh/));

    const asked = bench.model.modelRequests();
    expect(asked.length).toBeGreaterThanOrEqual(3);
    for (const { headers } of asked)
      expect(headers['x-api-key'] ?? headers['x-goog-api-key'] ?? headers['authorization']).toContain(key);
    expect(asked.map(({ body }) => body).join()).not.toContain(key);
    // In clear, in base64, in hex and backwards; what is planted shows that it would be found.
    expect(await bench.search(session, ...Object.values(realKeys))).toEqual([]);
    expect(bench.frames.seen).toEqual([]);
    const texts = canaries.map(({ text }) => text);
    const planted = await bench.plant(session);
    expect(await bench.search(session, ...texts)).toEqual(planted);
    expect(bench.frames.seen).toEqual(texts);

    const resume = first.report.agentSessionId!;
    bench.model.script([{ write: 'more.txt', text: 'more' }]);
    const again = await bench.run(session, { ...base, prompt: 'and now?', resume });
    expect(again.report).toMatchObject({ ok: true, finalText: 'done', agentSessionId: resume });
    expect(again.report.changedFiles).toMatchObject({ paths: ['more.txt'], total: 1 });
    expect(bench.model.modelRequests().at(-1)?.body).toContain('PROMPT-MARK');

    expect(bench.frames.seen).toEqual(texts);
    const audit = await readFile(`${bench.stage.stateDir}/audit.jsonl`, 'utf8');
    for (const text of [key, 'PROMPT-MARK', 'paddock-placeholder']) expect(audit).not.toContain(text);
  });
});

// How a run is ended may depend on the engine; what each agent makes of a model that fails does not.
const failing = kinds.filter((one) => (one.kind === 'podman' ? isThorough(one) : one.id === 'claude'));
describe.each(failing)('the real $id in a sandbox on $kind', ({ kind, id, base }) => {
  it('has a result in time when its key is refused, the model hangs, or never stops', async () => {
    await using bench = await SandboxBench.open(kind, id);
    const session = await bench.session();
    bench.model.script([], { fault: 'status', status: 401 });
    const refused = await bench.run(session, base);
    expect(refused.report).toMatchObject({ ok: false, stopReason: 'model-error' });
    expect(refused.report.error?.message).toMatch(/401/);

    bench.model.script([], { fault: 'hang' });
    const hung = await bench.run(session, base, '8s');
    expect(hung.report).toMatchObject({ ok: false, stopReason: 'timeout', exitCode: 124 });

    bench.model.script([], { fault: 'flood' });
    const flooded = await bench.run(session, base, '8s');
    expect(flooded.report.ok).toBe(false);
    expect(flooded.report.durationMs).toBeLessThan(15_000);

    bench.model.script([]);
    expect((await bench.run(session, base)).report).toMatchObject({ ok: true, finalText: 'done' });
  });
});

// Of the others in test/e2e/agent-programs.test.ts; this one is tried in sandboxes alone.
describe.each(loops.filter(({ id }) => id === 'opencode'))(
  'the real $id in a sandbox on $kind',
  ({ kind, id, base }) => {
    it('is given the MCP servers that were asked for, and writes nothing when it is strict', async () => {
      await using bench = await SandboxBench.open(kind, id);
      const session = await bench.session();
      const program = await readFile(join(import.meta.dirname, 'support/agents/notes.py'));
      await new SessionFiles(session).write('/tmp/notes.py', program, { parents: true, overwrite: true });
      const notes = { command: 'python3', args: ['-I', '/tmp/notes.py'] };
      bench.model.script([{ write: 'yes.txt', text: 'y' }]);
      const free = await bench.run(session, { ...base, mcpConfig: { mcpServers: { notes } } });
      expect(free.report.changedFiles).toMatchObject({ paths: ['yes.txt'], total: 1 });
      expect(bodies()).toContain('Reads notes.');

      const before = bench.model.requests.length;
      bench.model.script([{ run: 'echo x >no.txt' }, { write: 'no.txt', text: 'x' }, { say: 'all done' }]);
      const strict = await bench.run(session, { ...base, strictPermissions: true });
      expect(bench.model.requests.length).toBeGreaterThan(before);
      expect(strict.report.changedFiles).toMatchObject({ total: 0 });

      function bodies(): string {
        return bench.model
          .modelRequests()
          .map(({ body }) => body)
          .join();
      }
    });
  },
);
