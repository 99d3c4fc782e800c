import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Session } from '../../src/session/session.js';
import { engineKinds } from './support/engines.js';
import { run, Stage, said } from './support/stage.js';

// Nothing is dialled but 127.0.0.1: that the way to the host is closed is told by who carries the packets, and how it was started.
describe.each(engineKinds)('a sandbox of a real rootless %s with network open', (kind) => {
  let server: Server;
  let accepted = 0;
  let stage: Stage;
  let session: Session;

  beforeAll(async () => {
    server = createServer((socket) => {
      accepted += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    stage = await Stage.open(kind, { policy: { networks: ['open'] } });
    session = await stage.create({ network: 'open' });
  });
  afterAll(async () => {
    await stage[Symbol.asyncDispose]();
    server.close();
  });

  it('has a network namespace of its own, joined by one who keeps the host’s loopback closed', () => {
    const { controls } = session.sandbox.handle.evidence;
    const network = controls.find(({ id }) => id === 'network');
    expect(network).toMatchObject({ asked: 'open, without the host’s loopback', status: 'enforced' });
    expect(network?.kernel).toMatch(/^lo \w+, by (slirp4netns|pasta)$/);
    expect(controls.find(({ id }) => id === 'namespaces')).toMatchObject({ status: 'enforced' });
  });

  it('has a way out, and is told whom to ask for names', async () => {
    // A default route: destination and mask are 0.
    expect(await said(session, 'cat /proc/net/route')).toMatch(/^\w+\t00000000\t[0-9A-F]{8}(\t\w+){5}/m);
    expect(await said(session, 'cat /etc/resolv.conf')).toMatch(/^nameserver /m);
    expect(await said(session, 'grep hosts /etc/nsswitch.conf')).toBe('hosts: files dns');
    expect(await said(session, 'env | grep -ci _proxy || true')).toBe('0');
  });

  it('finds no name for the host, and its own loopback is not the host’s', async () => {
    expect(await said(session, 'grep -c "host\\.\\(containers\\|docker\\)\\.internal" /etc/hosts || true')).toBe('0');
    const { port } = server.address() as { port: number };
    const result = await run(
      session,
      `python3 -I -c 'import socket; socket.create_connection(("127.0.0.1", ${port}), 20)'`,
    );
    expect(result.stderr.text).toContain('ConnectionRefusedError');
    expect(accepted).toBe(0);
  });
});
