import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { McpClient } from '../e2e/support/client.js';
import { Place } from '../e2e/support/place.js';
import { engineKinds } from '../engine/support/engines.js';
import { Collector } from '../support/collector.js';

it.each(engineKinds)(
  'a server on %s sends the traces of its client’s calls, and none of what they are about',
  async (kind) => {
    await using place = await Place.make(kind);
    await using collector = await Collector.start(200);
    const config = join(place.root, 'config', 'paddock');
    await mkdir(config, { recursive: true });
    await writeFile(join(config, 'config.toml'), `[tracing]\nendpoint = "${collector.endpoint}"\n`);
    const [trace, caller] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7'];
    let sessionId: string;
    {
      await using mcp = await McpClient.start(place, { XDG_CONFIG_HOME: join(place.root, 'config') });
      sessionId = await mcp.create({ workspace: 'none', name: 'secret-name' });
      const argv = ['/usr/bin/printf', 'secret-argument'];
      const _meta = { traceparent: `00-${trace}-${caller}-01` };
      await mcp.client.callTool({ name: 'execute_command', arguments: { sessionId, argv }, _meta });
      const denied = await mcp.call('create_session', { workspace: 'none', memory: '9999g' });
      expect(denied.code).toBe('POLICY_DENIED');
    }
    // What waits is sent when the server ends.
    const { spans, requests } = collector;
    const roots = spans.filter(({ kind: number }) => number === 2);
    expect(roots.map(({ name }) => name)).toEqual([
      ...['tools/call create_session', 'tools/call execute_command', 'tools/call create_session'],
    ]);
    const [created, run, refused] = roots;
    const below = (root = created) =>
      spans.filter(({ traceId, parentSpanId }) => traceId === root?.traceId && parentSpanId === root.spanId);
    const names = (root = created) => new Set(below(root).map(({ name }) => name));
    for (const name of ['policy', 'audit', 'session.create', 'engine startContainer']) expect(names()).toContain(name);
    expect(created).toMatchObject({ attributes: { 'paddock.session': sessionId }, status: {} });
    expect(run).toMatchObject({ traceId: trace, parentSpanId: caller });
    expect(below(run).find(({ name }) => name === 'command.run')).toMatchObject({
      attributes: { 'paddock.session': sessionId, 'paddock.command.reason': 'exited' },
    });
    expect(refused).toMatchObject({ status: { code: 2 }, attributes: { 'error.type': 'POLICY_DENIED' } });
    expect(below(refused).find(({ name }) => name === 'policy')).toMatchObject({
      attributes: { 'paddock.verdict': 'deny', 'paddock.rule': refused?.attributes['paddock.rule'] },
    });
    const all = requests.map(({ body }) => body).join('');
    for (const secret of ['secret-', 'printf', place.root]) expect(all).not.toContain(secret);
  },
);
