import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ElicitResult } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { McpClient } from '../e2e/support/client.js';
import { leftOvers } from '../e2e/support/left-overs.js';
import { fetching, type Outside, openOutside, ownEgress } from '../e2e/support/outside.js';
import { document, finished, paddock, startPaddock } from '../e2e/support/paddock.js';
import { Place } from '../e2e/support/place.js';
import { engineKinds } from '../engine/support/engines.js';

const accept = (answer: string): ElicitResult => ({ action: 'accept', content: { answer } });

// What is asked goes through no engine: one is enough.
describe.each(engineKinds.filter((kind) => kind === 'podman'))(
  'a host that a session has to ask for, on %s',
  (kind) => {
    const outsides: Outside[] = [];
    let place: Place;
    let env: Readonly<Record<string, string>>;
    let mcp: McpClient;
    let sessionId: string;
    let outside: Outside;
    /** What the person says next, and what they have been asked since. */
    let says: ElicitResult;
    let asked: string[] = [];

    beforeAll(async () => {
      place = await Place.make(kind);
      outsides.push(...(await Promise.all(Array.from({ length: 8 }, () => openOutside()))));
      env = ownEgress(place, { ask: outsides.map(({ rule }) => rule) });
      mcp = await McpClient.start(place, env, ({ message }) => {
        asked.push(message);
        return says;
      });
      sessionId = await mcp.create({ workspace: 'none', network: 'allowlist' });
    });
    afterAll(async () => {
      await mcp[Symbol.asyncDispose]();
      expect(await leftOvers(place, [kind])).toEqual([]);
      for (const one of outsides) await one[Symbol.asyncDispose]();
      await place[Symbol.asyncDispose]();
    });
    beforeEach(() => {
      asked = [];
      // Each test has a place of its own that nobody has answered for.
      outside = outsides.pop() as Outside;
      outsides.unshift(outside);
    });

    const fetched = async (client = mcp, id = sessionId) =>
      client.call('execute_command', { sessionId: id, command: fetching(outside.url) });
    const status = async () => (await fetched()).structured['stdout'];
    const answers = async () => {
      const lines = (await place.audit()).filter(({ action }) => action === 'egress.answer');
      return lines.filter(({ details }) => details?.['port'] === outside.port);
    };

    it('is let through once by a person who says so, who is told who wants what', async () => {
      says = accept('once');
      expect(await status()).toBe('200\n');
      expect(asked).toEqual([expect.stringContaining(`127.0.0.1:${outside.port}`)]);
      expect(asked[0]).toContain(sessionId);
      expect(await status()).toBe('200\n');
      expect(asked).toHaveLength(2);
      expect(await answers()).toMatchObject([
        { verdict: 'allow', session: sessionId, details: { answer: 'allow-once', by: outside.rule } },
        { details: { answer: 'allow-once' } },
      ]);
    });

    it('or while the session lives, and nobody is asked again', async () => {
      says = accept('session');
      expect([await status(), await status(), asked.length]).toEqual(['200\n', '200\n', 1]);
      expect(await answers()).toMatchObject([{ details: { answer: 'allow-session' } }]);
    });

    const noes: readonly [string, ElicitResult][] = [
      ['says no', accept('deny')],
      ['declines to answer', { action: 'decline' }],
      ['closes the question', { action: 'cancel' }],
    ];
    it.each(noes)('and is refused for good when the person %s', async (_, answer) => {
      says = answer;
      const refused = await fetched();
      expect(refused.structured).toMatchObject({
        stdout: '403\n',
        blocked: [{ host: '127.0.0.1', port: outside.port, rule: 'egress.host' }],
      });
      says = accept('session');
      expect([await status(), asked.length]).toEqual(['403\n', 1]);
      expect(await answers()).toMatchObject([{ verdict: 'deny', details: { answer: 'deny', by: outside.rule } }]);
    });

    it('or always: then the next sessions have it from the start, in this server and in others', async () => {
      says = accept('always');
      expect(await status()).toBe('200\n');
      const approved = join(place.root, 'config/paddock/approved-hosts');
      // Written when the answer has been given, and the command does not wait for that.
      await expect.poll(() => readFile(approved, 'utf8').catch(() => '')).toContain(`\n${outside.rule}\n`);
      await using other = await McpClient.start(place, env);
      for (const client of [other, mcp]) {
        const made = await client.call('create_session', { workspace: 'none', network: 'allowlist' });
        expect(made.structured).toMatchObject({ allow: [outside.rule] });
        const { sessionId: id } = made.structured as { sessionId: string };
        expect((await fetched(client, id)).structured['stdout']).toBe('200\n');
        await client.call('destroy_session', { sessionId: id });
      }
      expect(asked).toHaveLength(1);
    });

    it('waits for `paddock approve` where the client can ask nobody', async () => {
      await using other = await McpClient.start(place, env);
      const id = await other.create({ workspace: 'none', network: 'allowlist' });
      const waiting = fetched(other, id);
      const questions = async () => document(await paddock(place, ['approve', '--json', id], { env }))['questions'];
      await expect
        .poll(questions, { timeout: 10_000 })
        .toMatchObject([{ host: '127.0.0.1', port: outside.port, rule: outside.rule }]);
      const listed = (await paddock(place, ['approve', id], { env })).stdout.toString();
      expect(listed).toContain(`paddock approve ${id} ${outside.rule}`);
      const unknown = await paddock(place, ['approve', '--json', id, 'example.org'], { env });
      expect([unknown.status, document(unknown)]).toMatchObject([
        expect.any(Number),
        { error: { code: 'NO_SUCH_QUESTION' } },
      ]);
      // Of what waits already the next command is told as well, where it does not disturb.
      const beside = startPaddock(place, ['exec', id, '--', 'sh', '-c', fetching(outside.url)], { env });
      let said = '';
      beside.stderr?.on('data', (chunk: Buffer) => {
        said += chunk.toString();
      });
      const ran = finished(beside);
      await expect
        .poll(() => said, { timeout: 30_000 })
        .toContain(`a program waits for a person: \`paddock approve ${id}\``);
      const told = await paddock(place, ['approve', id, outside.rule, '--session'], { env });
      expect([told.status, told.stdout.toString()]).toEqual([
        0,
        `${outside.rule}: let through while the session lives\n`,
      ]);
      expect((await waiting).structured['stdout']).toBe('200\n');
      expect(await ran).toMatchObject({ status: 0, stdout: Buffer.from('200\n') });
      expect(await questions()).toEqual([]);
      const [answer] = await answers();
      expect(answer).toMatchObject({ session: id, caller: { client: { name: 'paddock exec' } } });
    });

    it('or where `paddock run` says to look, where always is written down, and a no is one', async () => {
      const next = outsides[1] as Outside;
      const both = ['sh', '-c', `${fetching(outside.url)}\n${fetching(next.url)}`];
      const args = ['run', '--json', '--network', 'allowlist', '--', ...both];
      const running = startPaddock(place, args, { env });
      let said = '';
      running.stderr?.on('data', (chunk: Buffer) => {
        said += chunk.toString();
      });
      const ran = finished(running);
      const answer = async (rule: string, how: string) => {
        const id = () => /a program waits .*`paddock approve (\S+)`/.exec(said)?.[1];
        await expect.poll(id, { timeout: 30_000 }).toBeDefined();
        const listed = async () => (await paddock(place, ['approve', id() ?? ''], { env })).stdout.toString();
        await expect.poll(listed, { timeout: 30_000 }).toContain(rule);
        return (await paddock(place, ['approve', id() ?? '', rule, how], { env })).stdout.toString();
      };
      expect(await answer(outside.rule, '--always')).toBe(`${outside.rule}: let through, now and in later sessions\n`);
      expect(await answer(next.rule, '--deny')).toBe(`${next.rule}: refused\n`);
      expect(document(await ran)).toMatchObject({ stdout: { text: '200\n403\n' }, blocked: [{ port: next.port }] });
      const approved = await readFile(join(place.root, 'config/paddock/approved-hosts'), 'utf8');
      expect([approved.includes(`\n${outside.rule}\n`), approved.includes(next.rule)]).toEqual([true, false]);
    });
  },
);
