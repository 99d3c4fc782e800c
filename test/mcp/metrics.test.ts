import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { McpClient } from '../e2e/support/client.js';
import { Place } from '../e2e/support/place.js';
import { engineKinds } from '../engine/support/engines.js';
import { readPrometheusText } from '../support/prometheus-text.js';

function scrape(socketPath: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asking = request({ socketPath, path: '/metrics', agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => resolve(Buffer.concat(chunks).toString()));
    });
    asking.on('error', reject);
    asking.end();
  });
}

it.each(engineKinds)('a server on %s counts what its client does, at a socket and in a file', async (kind) => {
  await using place = await Place.make(kind);
  const [socket, file] = [join(place.root, 'm.sock'), join(place.root, 'paddock.prom')];
  const flags = ['--metrics', `unix:${socket}`, '--metrics-file', file, '--metrics-every', '1s'];
  {
    await using mcp = await McpClient.start(place, {}, undefined, flags);
    const sessionId = await mcp.create({ workspace: 'none' });
    await mcp.call('execute_command', { sessionId, argv: ['/usr/bin/true'] });
    expect((await mcp.call('create_session', { workspace: 'none', memory: '9999g' })).code).toBe('POLICY_DENIED');
    const foreign = `pdk_${'a'.repeat(26)}`;
    expect((await mcp.call('get_session', { sessionId: foreign })).code).toBe('NO_SUCH_SESSION');
    const text = await scrape(socket);
    for (const secret of [sessionId, foreign, place.root]) expect(text).not.toContain(secret);
    const samples = readPrometheusText(text);
    const counted = {
      sessions: 1,
      'sessions_created_total{result="ok"}': 1,
      'sessions_created_total{result="POLICY_DENIED"}': 1,
      'commands_total{reason="exited"}': 1,
      'denials_total{way="call"}': 1,
      'refused_calls_total{code="NO_SUCH_SESSION"}': 1,
      unknown_sessions_total: 1,
      audit_failures_total: 0,
      'engine_requests_total{operation="startContainer",result="ok"}': 1,
    };
    expect(Object.fromEntries(Object.keys(counted).map((name) => [name, samples.get(`paddock_${name}`)]))).toEqual(
      counted,
    );
    const inFile = async () => await readFile(file, 'utf8').catch(() => '');
    await expect.poll(inFile, { timeout: 30_000 }).toMatch(/^paddock_sessions 1$/m);
    await mcp.call('destroy_session', { sessionId });
    expect(readPrometheusText(await scrape(socket)).get('paddock_sessions_ended_total{reason="asked"}')).toBe(1);
  }
  await expect(readFile(file)).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(scrape(socket)).rejects.toMatchObject({ code: 'ENOENT' });
});
