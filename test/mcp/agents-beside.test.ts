import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { withAgents } from '../e2e/support/agents/agent-place.js';
import { type Answer, McpClient } from '../e2e/support/client.js';
import { leftOvers } from '../e2e/support/left-overs.js';
import { fetching } from '../e2e/support/outside.js';
import { Place } from '../e2e/support/place.js';
import { engineKinds } from '../engine/support/engines.js';
import { ModelEndpoint } from '../support/models/endpoint.js';

/** What passes for opencode, and does as its prompt says: the real one neither crashes nor floods when it is told to. */
const standIn = `#!/bin/sh
read -r prompt
case $prompt in
flood) exec yes '{"type":"text","sessionID":"ses_floodfloodflood","part":{"text":"round and round"}}' ;;
crash) kill -SEGV $$ ;;
esac
`;

// What sessions of one server have to do with each other is nothing of an engine's: one is enough.
describe.each(engineKinds.filter((kind) => kind === 'podman'))(
  'agents in several sessions of a server on %s',
  (kind) => {
    let place: Place;
    let anthropic: ModelEndpoint;
    let openai: ModelEndpoint;
    let mcp: McpClient;

    beforeAll(async () => {
      place = await Place.make(kind);
      [anthropic, openai] = await Promise.all([ModelEndpoint.open(), ModelEndpoint.open()]);
      const folder = join(place.root, 'stand-in');
      mkdirSync(join(folder, 'bin'), { recursive: true });
      writeFileSync(join(folder, 'bin', 'opencode'), standIn, { mode: 0o755 });
      mcp = await McpClient.start(place, {
        ...(await withAgents(place, ['claude', 'codex'], [folder])),
        ...{ ANTHROPIC_BASE_URL: anthropic.url, ANTHROPIC_API_KEY: 'sk-ant-REAL-1q2w3e4r' },
        ...{ OPENAI_BASE_URL: openai.url, OPENAI_API_KEY: 'sk-REAL-5t6y7u8i' },
      });
    });
    afterAll(async () => {
      await mcp[Symbol.asyncDispose]();
      expect(await leftOvers(place, [kind])).toEqual([]);
      await Promise.all([anthropic, openai].map((one) => one[Symbol.asyncDispose]()));
      await place[Symbol.asyncDispose]();
    });

    const create = (network = 'none') => mcp.create({ projectPath: place.project, workspace: 'cow', network });
    const run = (sessionId: string, more: Record<string, unknown>): Promise<Answer> =>
      mcp.call('execute_in_session', { sessionId, prompt: 'do it', ...more });

    it('finish with their own results while one floods, one crashes and one is refused a host', async () => {
      const [flooded, crashed, worked, refused] = await Promise.all([
        create(),
        create(),
        create(),
        create('allowlist'),
      ]);
      const standsIn = { agent: 'opencode', model: 'anthropic/a-model' };
      const flood = await run(flooded, { ...standsIn, prompt: 'flood', background: true });
      const polled = { sessionId: flooded, commandId: flood.structured['commandId'] };
      await vi.waitUntil(async () => (await mcp.call('get_command', polled)).text.includes('says: round and round'), {
        timeout: 30_000,
      });

      anthropic.script([{ write: 'mine.txt', text: 'claude\n' }, { run: 'cat mine.txt' }, { say: 'claude is done' }]);
      openai.script([
        { run: fetching('http://refused.invalid/') },
        { write: 'mine.txt', text: 'codex' },
        { say: 'codex is done' },
      ]);
      const [claude, codex, crash] = await Promise.all([
        run(worked, {}),
        run(refused, { agent: 'codex', model: 'gpt-5' }),
        run(crashed, { ...standsIn, prompt: 'crash' }),
      ]);
      expect(claude.structured).toMatchObject({
        ...{ state: 'finished', exitCode: 0 },
        agent: { ok: true, finalText: 'claude is done', turns: 3, changedFiles: ['mine.txt'] },
      });
      expect(claude.structured).not.toHaveProperty('blocked');
      expect(codex.structured).toMatchObject({
        agent: { agent: 'codex', ok: true, finalText: 'codex is done', changedFiles: ['mine.txt'] },
        blocked: [{ host: 'refused.invalid', port: 80, times: 1 }],
      });
      expect(codex.text).toContain('refused.invalid');
      expect(crash.structured).toMatchObject({
        agent: { ok: false, stopReason: 'agent-error', failure: { message: expect.stringContaining('SIGSEGV') } },
      });

      await mcp.call('stop_command', polled);
      const stopped = await mcp.call('get_command', { ...polled, waitMs: 30_000 });
      expect(stopped.structured).toMatchObject({ state: 'finished', agent: { ok: false } });
      expect(['aborted', 'output-limit']).toContain((stopped.structured['agent'] as { stopReason: string }).stopReason);
      for (const [sessionId, said] of [
        [flooded, 'hello\n'],
        [crashed, 'hello\n'],
        [worked, 'hello\nclaude\n'],
        [refused, 'hello\ncodex\n'],
      ] as const) {
        const shown = await mcp.call('execute_command', { sessionId, command: 'cat *.txt' });
        expect(shown.structured['stdout']).toBe(said);
      }
    });
  },
);
