import { readdir } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { withAgents } from '../e2e/support/agents/agent-place.js';
import { leftOvers } from '../e2e/support/left-overs.js';
import { document, paddock } from '../e2e/support/paddock.js';
import { Place } from '../e2e/support/place.js';
import { OnTerminal } from '../e2e/support/terminal.js';
import { engineKinds } from '../engine/support/engines.js';
import { ModelEndpoint } from '../support/models/endpoint.js';

const key = 'sk-ant-REAL-0a1b2c3d4e5f6g7h';

/** The surroundings of a user who has Claude Code in a folder that sandboxes are shown, and a key. */
async function surroundings(place: Place, model: ModelEndpoint) {
  return { ...(await withAgents(place, ['claude'])), ANTHROPIC_API_KEY: key, ANTHROPIC_BASE_URL: model.url };
}

describe.each(engineKinds)('paddock agent on %s', (kind) => {
  it('shows what the real Claude Code does, then its last words, and what it changed beside the project', async () => {
    await using place = await Place.make(kind);
    await using model = await ModelEndpoint.open();
    const env = await surroundings(place, model);
    model.script([{ write: 'new.txt', text: 'new\n' }, { run: 'cat new.txt' }, { say: 'all done' }]);
    const done = await paddock(place, ['agent', '--project', place.project, '--', 'add a', 'file'], { env });
    expect([done.stderr, done.status]).toEqual([expect.any(String), 0]);
    expect(done.stdout.toString()).toBe('all done\n');
    expect(done.stderr).toMatch(/^ {2}runs Bash: cat new\.txt$/m);
    expect(done.stderr).toContain('paddock: changed new.txt');
    const [, id = ''] = /`paddock apply (\S+)`/.exec(done.stderr) ?? [];
    expect(await readdir(place.project)).toEqual(['hello.txt']);
    expect((await paddock(place, ['changes', id], { env })).stdout.toString()).toContain('A new.txt');
    expect((await paddock(place, ['apply', id, 'new.txt'], { env })).status).toBe(0);
    expect((await readdir(place.project)).sort()).toEqual(['hello.txt', 'new.txt']);
    expect(model.modelRequests()[0]?.body).toContain('add a file');
    expect(model.modelRequests()[0]?.headers['x-api-key']).toBe(key);
    expect(JSON.stringify(await place.audit())).not.toContain(key);
    expect(await leftOvers(place, [kind])).toEqual([]);
  });

  // A terminal has nothing to do with which engine it is.
  if (kind === 'podman')
    it('shows it live in a terminal, and Ctrl-C ends it with what it has changed', async () => {
      await using place = await Place.make(kind);
      await using model = await ModelEndpoint.open();
      const env = await surroundings(place, model);
      model.script([{ write: 'half.txt', text: 'half\n' }, { run: 'cat half.txt' }], { fault: 'hang' });
      await using terminal = OnTerminal.start(place, ['agent', '--project', place.project, '--', 'add a file'], env);
      await terminal.see(/runs Bash: cat half\.txt\r\n/);
      terminal.type('\u0003');
      expect(await terminal.end()).toEqual({ status: 130, areModesRestored: true });
      expect(terminal.shown).toContain('the agent did not finish (aborted)');
      expect(terminal.shown).toMatch(/changed half\.txt\r\n[\s\S]*`paddock apply \S+`/);
      expect(terminal.shown).not.toContain(key);
      expect(await leftOvers(place, [kind])).toEqual([]);
    });

  it('is one document with --json, and ends with 124 at its timeout', async () => {
    await using place = await Place.make(kind);
    await using model = await ModelEndpoint.open();
    const env = await surroundings(place, model);
    model.script([], { fault: 'hang' });
    const hung = await paddock(place, ['agent', '--json', '--timeout', '5s', '--', 'wait'], { env });
    expect([hung.status, document(hung)]).toMatchObject([124, { ok: false, stopReason: 'timeout', exitCode: 124 }]);
    expect(hung.stdout.toString() + hung.stderr).not.toContain(key);
  });

  it('says what to do where there is no key, no program or no prompt, and leaves nothing', async () => {
    await using place = await Place.make(kind);
    await using model = await ModelEndpoint.open();
    const env = await surroundings(place, model);
    for (const [args, more, code] of [
      [['--', 'x'], { ANTHROPIC_API_KEY: undefined }, 'BAD_ARGUMENT'],
      [['--', 'x'], { PATH: place.env['PATH'], XDG_CONFIG_HOME: undefined }, 'AGENT_NOT_FOUND'],
      [[], {}, 'BAD_ARGUMENT'],
      [['--agent', 'hal', '--', 'x'], {}, 'BAD_ARGUMENT'],
    ] as const) {
      const refused = await paddock(place, ['agent', '--json', ...args], { env: { ...env, ...more } });
      expect([args, refused.status, document(refused)]).toMatchObject([args, 125, { error: { code } }]);
    }
    expect(await leftOvers(place, [kind])).toEqual([]);
  });
});
