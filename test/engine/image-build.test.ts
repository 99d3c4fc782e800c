import { readlinkSync } from 'node:fs';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BuildRequest } from '../../src/engine/image-types.js';
import { Transport } from '../../src/engine/transport/transport.js';
import type { Engine } from '../../src/engine/types.js';
import { buildContext } from '../../src/image/build-context.js';
import { engineKinds, engineSockets, openTestEngine, uniqueName } from './support/engines.js';
import { loadImage, makeImage } from './support/image-archive.js';

const label = uniqueName('dev.paddock.test');

describe.each(engineKinds)('a build by a real rootless %s', (kind) => {
  let engine: Engine;
  const base = `localhost/${uniqueName('paddock-test')}:1`;
  const reference = `localhost/${uniqueName('paddock-test')}:built`;
  let printed = '';

  beforeAll(async () => {
    engine = await openTestEngine(kind);
    await loadImage(engineSockets[kind], base, await makeImage({ Env: ['PATH=/bin'] }, {}, 0, ['readlink']));
  });
  afterAll(async () => {
    for (const name of [reference, base]) await engine.removeImage(name);
    await engine.pruneImages(label);
    const left = await engine.listImages(label);
    await engine[Symbol.asyncDispose]();
    expect(left).toEqual([]);
  });

  function build(steps: string, changes: Partial<BuildRequest> = {}, signal?: AbortSignal): Promise<string> {
    printed = '';
    const request: BuildRequest = {
      reference,
      context: buildContext(`ARG BASE\nFROM \${BASE} AS sandbox\nLABEL ${label}=1\n${steps}\n`, []),
      containerfile: 'Containerfile',
      target: 'sandbox',
      args: { BASE: base },
      network: 'none',
      timeoutMs: 90_000,
      onOutput: (text) => {
        printed += text;
      },
      ...changes,
    };
    return engine.buildImage(request, signal);
  }

  it('makes an image from a tar, with its arguments, and tells what its steps print', async () => {
    const id = await build('ARG WORD\nRUN echo "said $WORD" && touch /made\nENV FROM_BUILD=$WORD', {
      args: { BASE: base, WORD: 'hello' },
    });
    expect(printed).toContain('said hello');
    const info = await engine.inspectImage(reference);
    expect(info).toMatchObject({ id, labels: { [label]: '1' } });
    expect(info?.env).toContain('FROM_BUILD=hello');
    const listed = (await engine.listImages(label)).filter((one) => one.references.includes(reference));
    expect(listed).toMatchObject([{ id, labels: { [label]: '1' } }]);
    expect(Math.abs(Date.now() - (listed[0]?.createdAtMs ?? 0))).toBeLessThan(600_000);
  });

  it('builds on an image by its id, and does not take a step’s word for the id of its own', async () => {
    const baseId = (await engine.inspectImage(base))?.id ?? '';
    const id = await build(`RUN echo ${'a'.repeat(64)}`, { args: { BASE: baseId } });
    expect(printed).toContain(`${'a'.repeat(64)}\n`);
    expect((await engine.inspectImage(reference))?.id).toBe(id);
  });

  // Not the same line for both: an engine takes what a step made with another network from its cache.
  const show = (how: string) => `RUN cat /proc/net/dev && echo "with ${how}: namespace $(readlink /proc/self/ns/net)"`;
  const shown = () => ({
    devices: [...printed.matchAll(/(\w+): +\d+ +\d+/g)].map(([, name]) => name),
    namespace: /namespace (\S+)\n/.exec(printed)?.[1],
  });

  it('gives its steps no device but lo, and neither the network of the host nor that of the engine', async () => {
    await build(show('none'));
    expect(shown().devices).toEqual(['lo']);
    expect(shown().namespace).toMatch(/^net:/);
    expect(shown().namespace).not.toBe(readlinkSync('/proc/self/ns/net'));
  });

  it('gives them a network of their own where it is asked for', async () => {
    await build(show('one'), { network: 'engine' });
    expect(shown().devices).toHaveLength(2);
    expect(shown().namespace).not.toBe(readlinkSync('/proc/self/ns/net'));
  });

  it('runs its steps under a system call filter and without the capabilities that reach the kernel', async () => {
    await build('RUN cat /proc/self/status');
    expect(printed).toMatch(/^Seccomp:\t2$/m);
    const held = BigInt(`0x${/^CapEff:\t(\w+)$/m.exec(printed)?.[1] ?? 'f'.repeat(16)}`);
    const [netAdmin, sysModule, sysPtrace, sysAdmin] = [12n, 16n, 19n, 21n];
    for (const bit of [netAdmin, sysModule, sysPtrace, sysAdmin]) expect((held >> bit) & 1n, `${bit}`).toBe(0n);
  });

  it('that fails in a step says which and what it printed, and leaves no container', async () => {
    const failing = build('RUN echo before it && cat /missing');
    await expect(failing).rejects.toMatchObject({
      code: 'IMAGE_BUILD_FAILED',
      message: expect.stringMatching(/before it[\s\S]*\/missing/) as unknown,
    });
    expect(await containers()).toEqual([]);
  });

  it('never pulls: a base that is not there fails it', async () => {
    const failing = build('RUN touch /x', { args: { BASE: 'localhost/paddock-no-such-image:1' } });
    await expect(failing).rejects.toMatchObject({ code: 'IMAGE_BUILD_FAILED' });
  });

  it('whose context breaks off makes nothing', async () => {
    const broken = Readable.from(
      (async function* () {
        yield Buffer.alloc(512);
        await Promise.resolve();
        throw new Error('the disk went away');
      })(),
    );
    const failing = build('', { context: broken });
    const message: unknown = expect.stringContaining('broke off');
    await expect(failing).rejects.toMatchObject({ code: 'ENGINE_FAILED', message });
  });

  it('is ended by its signal: Docker ends the step too, Podman lets it end and begins no other', async () => {
    const stop = new AbortController();
    const before = await engine.listImages(label);
    const onOutput = (text: string) => {
      if (text.includes('begun-42')) stop.abort();
    };
    const seconds = kind === 'podman' ? 2 : 600;
    const going = build(`RUN echo begun-$((40 + 2)) && sleep ${seconds}\nRUN touch /late`, { onOutput }, stop.signal);
    await expect(going).rejects.toMatchObject({ code: 'INTERRUPTED' });
    // Podman fails to list one that goes away while it looks.
    const left = () => containers().catch((error: unknown) => error);
    await expect.poll(left, { timeout: 60_000, interval: 100 }).toEqual([]);
    expect((await engine.listImages(label)).length).toBeLessThanOrEqual(before.length + 1);
  });

  /** Those of builds too, which Podman lists only when asked. */
  async function containers(): Promise<readonly unknown[]> {
    await using transport = new Transport({ socketPath: engineSockets[kind] });
    const path = kind === 'podman' ? '/v4.0.0/libpod/containers/json' : '/v1.41/containers/json';
    const query = { all: true, ...(kind === 'podman' ? { external: true } : {}) };
    return JSON.parse((await transport.call({ method: 'GET', path, query })).body.toString()) as unknown[];
  }
});
