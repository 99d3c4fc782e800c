import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Command, sh } from './support/command.js';
import { builtInit, builtSupport, Running } from './support/compiled.js';
import { namespacesWork } from './support/namespace.js';
import { from, NativeInit, to } from './support/peer.js';

const init = builtInit();
const holder = builtSupport(fileURLToPath(new URL('support/inflight.c', import.meta.url)));
const limit = 64;
// In a user namespace of its own, as in a sandbox: who has privileges on the host may send as many as it likes.
const limited = ['--user', '--map-root-user', 'prlimit', `--nofile=${limit}:${limit}`, init];

const isAlive = ({ pid }: Running) => existsSync(`/proc/${pid}/fd/0`);

/** The kernel counts descriptors on their way per user, and holds that against the limit of whoever sends one more. */
async function held(): Promise<Running> {
  const running = new Running(holder, ['200']);
  await once(running.stdout, 'data');
  return running;
}

describe.skipIf(!namespacesWork)('while somebody else of the same user has many descriptors on their way', () => {
  it('a prepared command runs', async () => {
    using native = new NativeInit('unshare', [], undefined, limited);
    const peer = await native.greeted();
    peer.send(to.PREPARE, 1);
    await peer.frame(from.PREPARED, 1);
    using other = await held();
    const command = new Command(peer, 1, sh('cat; echo no >&2'), { input: true, timeoutMs: 5000, graceMs: 100 });
    await command.write(Buffer.from('input\n'));
    command.endInput();
    expect(await command.exited()).toMatchObject({ how: 0, status: 0, cause: 0 });
    expect([command.text(1), command.text(2)]).toEqual(['input\n', 'no\n']);
    expect(isAlive(other)).toBe(true);
  });

  it('one with a terminal runs, and one that is prepared then', async () => {
    using native = new NativeInit('unshare', [], undefined, limited);
    const peer = await native.greeted();
    using other = await held();
    for (const id of [1, 2]) {
      peer.send(to.PREPARE, id);
      await peer.frame(from.PREPARED, id);
    }
    const options = { timeoutMs: 5000, graceMs: 100 };
    const terminal = new Command(peer, 2, sh('test -t 1 && echo terminal'), { ...options, terminal: true });
    const plain = new Command(peer, 1, sh('test -t 1 || echo none'), options);
    expect([await terminal.exited(), await plain.exited()]).toMatchObject([{ cause: 0 }, { cause: 0 }]);
    expect([terminal.text(), plain.text()]).toEqual(['terminal\r\n', 'none\n']);
    expect(isAlive(other)).toBe(true);
  });
});
