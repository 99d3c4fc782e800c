import { describe, expect, it } from 'vitest';
import { allTools } from '../../src/tools/all-tools.js';
import { buildHostImage } from '../../src/workspace/host-image.js';
import { readHostLayout } from '../../src/workspace/host-layout.js';
import { McpClient } from '../e2e/support/client.js';
import { Place } from '../e2e/support/place.js';
import { FakeEngine, json, rootlessDocker, type Script } from '../engine-fake/support/fake-engine.js';

const garbage: Script = (socket) => socket.end('\u0000\u0001 no HTTP at all \r\n\r\n');
const close: Script = (socket) => socket.destroy();
const lie: Script = (socket) => socket.write(json(200, { hello: ['world'] }));
const isInfo = (request: string) => /^GET \S*\/(?:info|version)/.test(request);
const version = json(200, { Version: '20.10.24' });
const about =
  (info: string): Script =>
  (socket, request) =>
    socket.write(/^GET \S*\/version/.test(request) ? version : info);
const { layer } = await buildHostImage(await readHostLayout());
const hostImage = json(200, { Id: `sha256:${'a'.repeat(64)}`, Size: 1, RootFS: { Layers: [layer] } });
/** An engine that is a rootless Docker, host image and all, until a container is asked for. */
const afterInfo =
  (script: Script): Script =>
  (socket, request) => {
    if (isInfo(request)) about(rootlessDocker)(socket, request);
    else if (/^GET \S*\/images\//.test(request)) socket.write(hostImage);
    else script(socket, request);
  };

describe('a server whose engine', () => {
  const faults: readonly [string, Script, readonly string[]][] = [
    ['garbage', garbage, ['ENGINE_PROTOCOL', 'ENGINE_UNAVAILABLE']],
    ['nothing and closes', close, ['ENGINE_UNAVAILABLE']],
    ['JSON of another shape', lie, ['ENGINE_PROTOCOL', 'ENGINE_FAILED']],
  ];
  const refusal: Script = (socket) => socket.write(json(500, { message: 'no \u001b[31mwords' }));

  it.each(faults)(
    'answers %s from the first is refused with a code and makes no record',
    async (_what, script, codes) => {
      await using place = await Place.make();
      await using fake = await FakeEngine.start();
      fake.script = script;
      await using mcp = await McpClient.start(place, { PADDOCK_ENGINE: `unix://${fake.socketPath}` });
      expect(codes).toContain((await mcp.call('create_session', { workspace: 'none' })).code);
      // The second call finds the server as it was.
      expect(codes).toContain((await mcp.call('create_session', { workspace: 'none' })).code);
      expect(await place.recordFiles()).toEqual([]);
      expect((await mcp.client.listTools()).tools).toHaveLength(allTools.length);
    },
  );

  // Without the last: an engine that answers every removal with 200 says that nothing is left.
  it.each([...faults.slice(0, 2), ['500 with words', refusal, ['ENGINE_FAILED']] as const])(
    'answers %s when a sandbox is made keeps the record until it is sure that nothing is left',
    async (_what, script, codes) => {
      await using place = await Place.make();
      await using fake = await FakeEngine.start();
      fake.script = afterInfo(script);
      await using mcp = await McpClient.start(place, { PADDOCK_ENGINE: `unix://${fake.socketPath}` });
      const answer = await mcp.call('create_session', { workspace: 'none' });
      expect(codes).toContain(answer.code);
      expect(answer.text).not.toContain('\u001b');
      // It may have been made: nobody has said that it was not.
      expect((await place.recordFiles()).filter((name) => name.endsWith('.json'))).toHaveLength(1);
      expect((await mcp.call('list_sessions')).structured['sessions']).toEqual([]);
      fake.script = afterInfo((socket) => socket.write(json(404, { message: 'no such container' })));
      expect((await mcp.call('create_session', { workspace: 'none' })).isError).toBe(true);
      expect(await place.recordFiles()).toEqual([]);
    },
  );

  it('is not there gets a code, and is found when it is started later', async () => {
    await using place = await Place.make();
    await using fake = await FakeEngine.start();
    fake.script = afterInfo(close);
    await fake.vanish();
    await using mcp = await McpClient.start(place, { PADDOCK_ENGINE: `unix://${fake.socketPath}` });
    expect((await mcp.call('list_sessions')).code).toBe('ENGINE_UNAVAILABLE');
    await fake.listen();
    expect((await mcp.call('list_sessions')).isError).toBe(false);
  });

  it('hangs lets go of a call that is cancelled, and of the server when its client goes', async () => {
    await using place = await Place.make();
    await using fake = await FakeEngine.start();
    fake.script = afterInfo(() => undefined);
    await using mcp = await McpClient.start(place, { PADDOCK_ENGINE: `unix://${fake.socketPath}` });
    const cancel = new AbortController();
    const call = mcp.call('create_session', { workspace: 'none' }, { signal: cancel.signal });
    const rejected = expect(call).rejects.toThrow();
    await expect.poll(() => fake.requests.filter((one) => !isInfo(one)).length, { timeout: 20_000 }).toBeGreaterThan(0);
    cancel.abort();
    await rejected;
    expect((await mcp.call('list_sessions')).isError).toBe(false);
  });

  it('is rootful or on TCP is refused', async () => {
    await using place = await Place.make();
    await using fake = await FakeEngine.start();
    fake.script = about(json(200, { Driver: 'overlay2', SecurityOptions: ['name=seccomp'] }));
    await using rootful = await McpClient.start(place, { PADDOCK_ENGINE: `unix://${fake.socketPath}` });
    expect((await rootful.call('create_session', { workspace: 'none' })).code).toBe('ENGINE_ROOTFUL');
    await using tcp = await McpClient.start(place, { PADDOCK_ENGINE: 'tcp://127.0.0.1:1' });
    expect((await tcp.call('create_session', { workspace: 'none' })).code).toBe('ENGINE_ENDPOINT_REFUSED');
  });
});
