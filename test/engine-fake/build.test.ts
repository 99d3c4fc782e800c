import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PaddockError } from '../../src/core/errors.js';
import { EngineClient } from '../../src/engine/client.js';
import type { BuildRequest } from '../../src/engine/image-types.js';
import { Transport } from '../../src/engine/transport/transport.js';
import type { EngineKind } from '../../src/engine/types.js';
import { buildContext } from '../../src/image/build-context.js';
import { FakeEngine } from './support/fake-engine.js';

const id = 'b'.repeat(64);
const head = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n';

describe('a build, as the engines answer it', () => {
  let fake: FakeEngine;
  let printed = '';
  beforeEach(async () => {
    fake = await FakeEngine.start();
  });
  afterEach(() => fake[Symbol.asyncDispose]());

  async function build(kind: EngineKind, lines: string, changes: Partial<BuildRequest> = {}, signal?: AbortSignal) {
    printed = '';
    fake.script = (socket, request) => {
      if (request.startsWith('POST')) socket.write(`${head}${lines}`, () => changes.timeoutMs ?? socket.end());
    };
    const identity = { kind, version: '1', socketPath: fake.socketPath, origin: 'test', startedByUs: false };
    await using engine = new EngineClient(identity, '1.41', new Transport({ socketPath: fake.socketPath }));
    const request: BuildRequest = {
      ...{ reference: 'localhost/x:1', containerfile: 'Containerfile', target: 'sandbox', args: { BASE: 'a' } },
      ...{ context: buildContext('FROM x\n', []), network: 'none', timeoutMs: 20_000 },
      onOutput: (text) => {
        printed += text;
      },
      ...changes,
    };
    return await engine.buildImage(request, signal);
  }
  const line = (value: object) => `${JSON.stringify(value)}\r\n`;
  const query = () => new URLSearchParams(/\?(\S+)/.exec(fake.requests[0] ?? '')?.[1]);

  it('fails as whoever made the context says, and else by the words of what broke it off', async () => {
    const from = (error: Error) =>
      Readable.from(
        (async function* () {
          yield Buffer.alloc(512);
          await Promise.resolve();
          throw error;
        })(),
      );
    const missing = new PaddockError('IMAGE_BUILD_FAILED', 'this installation has no /x', { hint: 'install' });
    // The engine has not answered when the archive breaks off, or its answer is to what it got of it.
    for (const answer of ['', line({ error: 'unexpected EOF' })]) {
      await expect(build('podman', answer, { context: from(missing) })).rejects.toBe(missing);
      const failing = build('docker', answer, { context: from(new Error('the disk went away')) });
      const message: unknown = expect.stringMatching(/broke off: the disk went away$/);
      await expect(failing).rejects.toMatchObject({ code: 'ENGINE_FAILED', message });
    }
  });

  it('takes the id from where each engine says it, apart from all text or as the last line, and no colours', async () => {
    const docker =
      line({ stream: `${'c'.repeat(64)}\n` }) + line({ aux: { ID: `sha256:${id}` } }) + line({ stream: 'done\n' });
    expect(await build('docker', docker)).toBe(id);
    expect(printed).toBe(`${'c'.repeat(64)}\ndone\n`);
    await build('docker', line({ stream: '\u001b[91mon stderr\n\u001b[0m' }) + line({ aux: { ID: id } }));
    expect(printed).toBe('on stderr\n');
    expect(await build('podman', line({ stream: `${'c'.repeat(64)}\n` }) + line({ stream: `${id}\n` }))).toBe(id);
  });

  it('asks each engine in its own words for steps without a network', async () => {
    await build('docker', line({ aux: { ID: id } }));
    expect(fake.requests[0]).toMatch(/^POST \/v1\.41\/build\?/);
    expect(query().get('networkmode')).toBe('none');
    fake.requests.length = 0;
    await build('podman', line({ stream: `${id}\n` }));
    expect(fake.requests[0]).toMatch(/^POST \/v4\.0\.0\/libpod\/build\?/);
    expect(query().get('networkmode')).toBe('NetworkDisabled');
    expect(JSON.parse(query().get('nsoptions') ?? '')).toEqual([{ Name: 'network' }]);
    expect([query().get('pullpolicy'), query().get('isolation')]).toEqual(['never', 'oci']);
    expect(JSON.parse(query().get('buildargs') ?? '')).toEqual({ BASE: 'a' });
  });

  it('is a failure when a line says so, with the end of what was printed, made safe', async () => {
    const lines =
      line({ stream: `${'x'.repeat(5000)}\n` }) +
      line({ stream: 'last \u202e words\n' }) +
      line({ error: 'exit 1\u001b[31m' });
    const error: unknown = await build('podman', lines + line({ stream: `${id}\n` })).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({
      code: 'IMAGE_BUILD_FAILED',
      message: expect.stringContaining('last \\u{202e} words') as unknown,
    });
    expect((error as Error).message).toContain('exit 1\\u{1b}[31m');
    expect((error as Error).message.length).toBeLessThan(2000);
  });

  it.each([
    ['ends without an id', line({ stream: 'Successfully built\n' })],
    ['says an id that is none', line({ stream: `${id}0\n` })],
    ['is no JSON', 'step 1\n'],
    ['has a line without end', `{"stream":"${'x'.repeat(1_100_000)}`],
  ])('is a protocol error when it %s', async (_what, lines) => {
    await expect(build('podman', lines)).rejects.toMatchObject({ code: 'ENGINE_PROTOCOL' });
  });

  it('ends by its time limit, and by its signal', async () => {
    const begun = line({ stream: 'begun\n' });
    await expect(build('docker', begun, { timeoutMs: 200 })).rejects.toMatchObject({ code: 'ENGINE_TIMEOUT' });
    const stop = new AbortController();
    const onOutput = () => stop.abort();
    const going = build('docker', begun, { timeoutMs: 20_000, onOutput }, stop.signal);
    await expect(going).rejects.toMatchObject({ code: 'INTERRUPTED' });
  });

  it('sends nothing for a name without a tag that could be meant, or with a digest', async () => {
    const digest = `localhost/x@sha256:${'a'.repeat(64)}`;
    await expect(build('docker', '', { reference: digest })).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    await expect(build('docker', '', { reference: 'x' })).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
    expect(fake.requests).toEqual([]);
  });
});
