import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../src/engine/types.js';
import { engineKinds, openTestEngine } from '../engine/support/engines.js';
import { run, Stage, said } from '../engine/support/stage.js';

/** As one looks that lacks a component: everything else is the real one's. */
function without(engine: Engine, component: string): Engine {
  return new Proxy(engine, {
    get(target, name) {
      if (name === 'info') {
        return async (signal?: AbortSignal) => {
          const info = await target.info(signal);
          return { ...info, components: info.components.filter((part) => part.name !== component) };
        };
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

const isPodman = engineKinds.includes('podman');

// Here and not with the tests of engines: a pasta that keeps the host's loopback closed is no older than August 2024. Nothing is dialled but 127.0.0.1.
describe.skipIf(!isPodman)('network open on a real rootless Podman that has pasta alone', () => {
  let engine: Engine;
  let stage: Stage;
  let server: Server;
  let accepted = 0;

  beforeAll(async () => {
    server = createServer((socket) => {
      accepted += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    engine = await openTestEngine('podman');
    stage = await Stage.open('podman', { policy: { networks: ['open'] }, engine: without(engine, 'slirp4netns') });
  });
  afterAll(async () => {
    await stage[Symbol.asyncDispose]();
    await engine[Symbol.asyncDispose]();
    server.close();
  });

  it('is had of it, and the host’s loopback is proven closed by the words that it was started with', async () => {
    const session = await stage.create({ network: 'open' });
    const { controls } = session.sandbox.handle.evidence;
    const network = controls.find(({ id }) => id === 'network');
    expect(network).toMatchObject({ asked: 'open, without the host’s loopback', status: 'enforced' });
    expect(network?.kernel).toMatch(/^lo \w+, by pasta$/);

    // A default route: destination and mask are 0.
    expect(await said(session, 'cat /proc/net/route')).toMatch(/^\w+\t00000000\t[0-9A-F]{8}(\t\w+){5}/m);
    expect(await said(session, 'cat /etc/resolv.conf')).toMatch(/^nameserver /m);
    expect(await said(session, 'grep -c "host\\.containers\\.internal" /etc/hosts || true')).toBe('0');
    const { port } = server.address() as { port: number };
    const dial = `python3 -I -c 'import socket; socket.create_connection(("127.0.0.1", ${port}), 20)'`;
    expect((await run(session, dial)).stderr.text).toContain('ConnectionRefusedError');
    expect(accepted).toBe(0);
  });
});
