import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { McpClient } from '../e2e/support/client.js';
import { commandsNaming, leftOvers } from '../e2e/support/left-overs.js';
import { Place } from '../e2e/support/place.js';
import { engineKinds, uniqueName } from '../engine/support/engines.js';

const maxTextBytes = 8 * 1024;

describe.each(engineKinds)('a client that works in a session on %s', (kind) => {
  let place: Place;
  let mcp: McpClient;
  let sessionId: string;

  beforeAll(async () => {
    place = await Place.make(kind);
    mcp = await McpClient.start(place);
    sessionId = await mcp.create({ projectPath: place.project, name: 'flow', labels: { team: 'a' } });
  });

  afterAll(async () => {
    await mcp[Symbol.asyncDispose]();
    expect(await leftOvers(place, [kind])).toEqual([]);
    await place[Symbol.asyncDispose]();
  });

  it('is given a project to be written beside, and told that its changes wait', async () => {
    const answer = await mcp.call('create_session', { projectPath: place.project });
    expect(answer.structured).toMatchObject({
      workspace: 'cow',
      notes: [expect.stringMatching(/apply_changes.*review_changes.*discard_changes/)],
    });
    expect(answer.text).toContain('review_changes');
    const { sessionId: id } = answer.structured as { sessionId: string };
    await mcp.call('execute_command', { sessionId: id, command: 'echo more >>hello.txt' });
    const reviewed = await mcp.call('review_changes', { sessionId: id });
    expect(reviewed.structured).toMatchObject({ summary: { counts: { total: 1, modified: 1 } } });
    expect(await readFile(join(place.project, 'hello.txt'), 'utf8')).toBe('hello\n');
    await mcp.call('discard_changes', { sessionId: id });
    const ended = await mcp.call('destroy_session', { sessionId: id });
    expect(ended.text).toContain('review_changes');
  });

  it('gets exit code and both streams of a command, in the text and in the structure', async () => {
    const command = 'cat hello.txt; echo problem >&2; exit 3';
    const answer = await mcp.call('execute_command', { sessionId, command });
    expect(answer.structured).toMatchObject({
      state: 'finished',
      exitCode: 3,
      reason: 'exited',
      stdout: 'hello\n',
      stderr: 'problem\n',
      stdoutDroppedBytes: 0,
    });
    for (const part of ['exit code 3', 'hello', 'problem', sessionId]) expect(answer.text).toContain(part);
    expect(answer.isError).toBe(false);
  });

  it('passes argv, env, cwd and stdin on as they are', async () => {
    const answer = await mcp.call('execute_command', {
      sessionId,
      argv: ['sh', '-c', 'pwd; echo "$GREETING"; cat; printf "%s\\n" "$1"', 'sh', '$(id) "quoted"'],
      env: { GREETING: 'grüß dich' },
      cwd: '/tmp',
      stdin: 'line one\nline two\n',
    });
    expect(answer.structured['stdout']).toBe('/tmp\ngrüß dich\nline one\nline two\n$(id) "quoted"\n');
  });

  it('reads long output page by page, complete and in order, with every text small', async () => {
    const answer = await mcp.call('execute_command', { sessionId, command: 'seq 1 5000' });
    expect(Buffer.byteLength(answer.text)).toBeLessThan(maxTextBytes);
    expect(answer.structured['stdoutDroppedBytes']).toBeGreaterThan(0);
    const { commandId } = answer.structured as { commandId: string };
    let cursor = '0.0';
    let all = '';
    for (let more = true; more; ) {
      const page = await mcp.call('get_command', { sessionId, commandId, cursor });
      expect(Buffer.byteLength(page.text)).toBeLessThan(maxTextBytes);
      all += page.structured['stdout'] as string;
      cursor = page.structured['cursor'] as string;
      more = page.structured['more'] as boolean;
    }
    expect(all).toBe(Array.from({ length: 5000 }, (_, i) => `${i + 1}\n`).join(''));
  });

  it('gets a handle at once for a background command, reads on, stops it, and its whole tree is gone', async () => {
    const mark = uniqueName('flow');
    const command = `echo begun; (sleep 600; : ${mark}) & sleep 600; : ${mark}`;
    const started = await mcp.call('execute_command', { sessionId, command, background: true });
    expect(started.structured['state']).toBe('running');
    const { commandId } = started.structured as { commandId: string };
    const page = await mcp.call('get_command', { sessionId, commandId, waitMs: 10_000 });
    expect(page.structured).toMatchObject({ state: 'running', stdout: 'begun\n' });
    expect(commandsNaming(mark).length).toBeGreaterThan(0);
    const stopped = await mcp.call('stop_command', { sessionId, commandId });
    expect(stopped.structured).toMatchObject({ state: 'finished', reason: 'aborted' });
    expect(commandsNaming(mark)).toEqual([]);
    const again = await mcp.call('stop_command', { sessionId, commandId });
    expect(again.structured).toMatchObject({ state: 'finished', reason: 'aborted' });
  });

  it('kills a command at its timeout and returns what it had printed', async () => {
    const answer = await mcp.call('execute_command', { sessionId, command: 'echo so far; sleep 60', timeout: '1s' });
    expect(answer.structured).toMatchObject({ reason: 'timeout', exitCode: 124, stdout: 'so far\n' });
  });

  it('kills the command of a call that is cancelled', async () => {
    const mark = uniqueName('cancel');
    const cancel = new AbortController();
    const call = mcp.call('execute_command', { sessionId, command: `: ${mark}; sleep 600` }, { signal: cancel.signal });
    const rejected = expect(call).rejects.toThrow();
    await expect.poll(() => commandsNaming(mark).length, { timeout: 10_000 }).toBeGreaterThan(0);
    cancel.abort();
    await rejected;
    await expect.poll(() => commandsNaming(mark), { timeout: 10_000 }).toEqual([]);
  });

  it('sends progress while a command prints, when it is asked for', async () => {
    const seen: number[] = [];
    const command = 'for i in 1 2 3 4 5 6; do echo $i; sleep 0.5; done';
    const onprogress = ({ progress }: { progress: number }) => seen.push(progress);
    const answer = await mcp.call('execute_command', { sessionId, command }, { onprogress });
    expect(answer.structured['exitCode']).toBe(0);
    expect(seen.length).toBeGreaterThan(0);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });

  it("shows what the session's commands printed", async () => {
    const answer = await mcp.call('get_session_logs', { sessionId, maxBytes: 30_000 });
    expect(answer.structured['log']).toContain('problem');
    expect(answer.text).toContain('problem');
  });

  it('lists the session and shows every control with its status', async () => {
    const list = await mcp.call('list_sessions');
    expect(list.structured['sessions']).toMatchObject([{ sessionId, name: 'flow', state: 'running' }]);
    expect(list.text).toContain(sessionId);
    const one = await mcp.call('get_session', { sessionId });
    const controls = (one.structured['enforcement'] as { controls: { id: string; status: string }[] }).controls;
    const status = (id: string) => controls.find((control) => control.id === id)?.status;
    for (const id of ['rootless', 'capabilities', 'no-new-privileges', 'seccomp', 'read-only-root', 'network']) {
      expect([id, status(id)]).toEqual([id, 'enforced']);
    }
    for (const { id, status: word } of controls) expect(one.text).toContain(`${id}: ${word}`);
    expect(Buffer.byteLength(one.text)).toBeLessThan(maxTextBytes);
    expect(one.structured['labels']).toEqual({ team: 'a' });
  });

  it('destroys a session once, says so the second time, and it is unknown from then on', async () => {
    const other = await mcp.create({ workspace: 'none' });
    const first = await mcp.call('destroy_session', { sessionId: other });
    expect(first.isError).toBe(false);
    const second = await mcp.call('destroy_session', { sessionId: other });
    expect(second.isError).toBe(false);
    expect(second.text).not.toBe(first.text);
    const use = await mcp.call('execute_command', { sessionId: other, argv: ['true'] });
    expect(use.code).toBe('NO_SUCH_SESSION');
  });
});
