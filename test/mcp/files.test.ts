import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { McpClient } from '../e2e/support/client.js';
import { ClientPlace } from '../e2e/support/client-place.js';
import type { Place } from '../e2e/support/place.js';
import { engineKinds } from '../engine/support/engines.js';

const [kind = 'podman'] = engineKinds;

describe(`a client that works with files in a session on ${kind}`, () => {
  let opened: ClientPlace;
  let place: Place;
  let mcp: McpClient;
  let sessionId: string;

  beforeAll(async () => {
    opened = await ClientPlace.open(kind);
    ({ place, mcp } = opened);
    sessionId = await mcp.create({ projectPath: place.project, workspace: 'cow' });
  });
  afterAll(() => opened[Symbol.asyncDispose]());

  const call = (name: string, args: Record<string, unknown>) => mcp.call(name, { sessionId, ...args });

  it('writes text and reads it page by page, complete, in texts below 8 kB', async () => {
    const content = Array.from({ length: 4000 }, (_, i) => `line ${i + 1} grüß\n`).join('');
    const written = await call('write_file', { path: 'a/b.txt', content, parents: true });
    expect(written.structured).toMatchObject({ replaced: false, sizeBytes: Buffer.byteLength(content) });
    let all = '';
    for (let offset: number | undefined = 0; offset !== undefined; ) {
      const page = await call('read_file', { path: 'a/b.txt', offset });
      expect(Buffer.byteLength(page.text)).toBeLessThan(8 * 1024);
      expect(page.structured['encoding']).toBe('utf8');
      all += page.structured['content'] as string;
      offset = page.structured['nextOffset'] as number | undefined;
    }
    expect(all).toBe(content);
    const lines = await call('read_file', { path: 'a/b.txt', firstLine: 100, lines: 2 });
    expect(lines.structured).toMatchObject({ content: 'line 100 grüß\nline 101 grüß\n', nextLine: 102, more: true });
    expect(lines.text).toContain('line 101 grüß');
  });

  it('gets what is no text as base64, and gives it so', async () => {
    const content = Buffer.from([0, 1, 2, 0xff, 0xfe]).toString('base64');
    await call('write_file', { path: 'blob', content, encoding: 'base64', mode: '0600' });
    const read = await call('read_file', { path: 'blob' });
    expect(read.structured).toMatchObject({ content, encoding: 'base64', isBinary: true, mode: '0600', more: false });
    expect(await call('read_file', { path: 'blob', encoding: 'utf8' })).toMatchObject({ code: 'FILE_KIND' });
  });

  it('keeps every result below 40 kB, however much is asked for and whatever is in it', async () => {
    await call('execute_command', { command: "head -c 100000 /dev/zero | tr '\\0' '\\1' >ones; seq 1 30000 >seq" });
    for (const path of ['ones', 'seq']) {
      const { structured, text } = await call('read_file', { path, maxBytes: 30_000 });
      expect(JSON.stringify(structured).length).toBeLessThan(40_000);
      expect(Buffer.byteLength(text)).toBeLessThan(40_000);
      expect(structured['more']).toBe(true);
    }
  });

  it('lists by pattern and page by page, with nothing twice and nothing left out', async () => {
    await call('execute_command', {
      command: 'mkdir -p many/.dot && cd many && for i in $(seq 1 300); do : >file$i.txt; done; : >.dot/x.txt',
    });
    const names: string[] = [];
    for (let cursor: string | undefined = ''; cursor !== undefined; ) {
      const page = await call('list_files', { path: 'many', glob: '**/*.txt', ...(cursor === '' ? {} : { cursor }) });
      expect(Buffer.byteLength(page.text)).toBeLessThan(8 * 1024);
      names.push(...(page.structured['entries'] as { path: string }[]).map(({ path }) => path));
      cursor = page.structured['nextCursor'] as string | undefined;
    }
    expect(names).toHaveLength(301);
    expect(new Set(names).size).toBe(301);
    const visible = await call('list_files', { path: 'many', glob: '**/x*', dot: false });
    expect(visible.structured['entries']).toEqual([]);
  });

  it('is told what to do when it can not be done', async () => {
    for (const [name, args, code] of [
      ['read_file', { path: 'missing' }, 'NO_SUCH_FILE'],
      ['read_file', { path: 'many' }, 'FILE_KIND'],
      ['read_file', { path: 'seq', lines: 5 }, 'BAD_ARGUMENT'],
      ['read_file', { path: 'a\0b' }, 'BAD_ARGUMENT'],
      ['write_file', { path: 'seq', content: '', overwrite: false }, 'FILE_EXISTS'],
      ['write_file', { path: '/usr/x', content: '' }, 'FILE_REFUSED'],
      ['write_file', { path: 'x', content: '!', encoding: 'base64' }, 'BAD_ARGUMENT'],
      ['write_file', { path: 'x', content: '', mode: '4755' }, 'BAD_ARGUMENT'],
      ['list_files', { path: 'seq' }, 'FILE_KIND'],
      ['list_files', { glob: '[' }, 'BAD_ARGUMENT'],
      ['list_files', { cursor: '?' }, 'BAD_ARGUMENT'],
    ] as const) {
      const answer = await call(name, args);
      expect(answer, `${name} ${JSON.stringify(args)}`).toMatchObject({ isError: true, code });
      expect(answer.text).toContain('Next:');
    }
  });
});
