import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Command, sh } from './support/command.js';
import { builtInit } from './support/compiled.js';
import { NamespacedInit, namespacesWork } from './support/namespace.js';
import { from, type Peer, to } from './support/peer.js';

const init = builtInit();
const ticking = 'while :; do echo tick; sleep 0.01; done';

/** Everything that came before has been done then. */
async function answered(peer: Peer): Promise<void> {
  const before = peer.of(from.PONG).length;
  peer.send(to.PING);
  await peer.until(() => (peer.of(from.PONG).length > before ? true : undefined));
}

describe.skipIf(!namespacesWork).concurrent('paddock-init that is told to hold everything', () => {
  it('stops what commands run, with all that they forked, until somebody lets it go on', async () => {
    using sandbox = new NamespacedInit(init);
    const peer = await sandbox.greeted();
    const command = new Command(peer, 1, sh(`(setsid sh -c '${ticking}' & echo $!); ${ticking}`));
    await command.shows(/tick/);
    peer.send(to.HOLD);
    await answered(peer);
    // What was in the pipe then has come with this.
    await answered(peer);
    const shown = command.text().length;
    await sleep(300);
    expect(command.text()).toHaveLength(shown);
    const states = new Command(peer, 2, sh("grep -h '^State' /proc/[0-9]*/status | sort | uniq -c; kill -CONT -1"));
    await states.exited();
    expect(states.text()).toMatch(/^ +\d+ State:\tT \(stopped\)$/m);
    await peer.until(() => command.text().length > shown + 100 || undefined);
    command.end(0);
    expect(await command.exited()).toMatchObject({ how: 1, cause: 2 });
  });

  it('has supervisors go on, so that what stands still can be ended', async () => {
    using sandbox = new NamespacedInit(init);
    const peer = await sandbox.greeted();
    const command = new Command(peer, 1, sh(ticking));
    await command.shows(/tick/);
    peer.send(to.HOLD);
    command.end(0);
    expect(await command.exited()).toMatchObject({ how: 1, cause: 2 });
    expect(peer.of(from.BYE)).toEqual([]);
  });

  it('lets what waits for the next command run that', async () => {
    using sandbox = new NamespacedInit(init);
    const peer = await sandbox.greeted();
    peer.send(to.PREPARE, 1);
    // It may be met in the making.
    peer.send(to.HOLD);
    await peer.frame(from.PREPARED, 1);
    peer.send(to.HOLD);
    await answered(peer);
    expect(await new Command(peer, 1, ['true']).exited()).toMatchObject({ how: 0, status: 0 });
  });

  it('lets a command that is just being started begin, whenever it comes', async () => {
    using sandbox = new NamespacedInit(init);
    const peer = await sandbox.greeted();
    for (let id = 1; id <= 60; id += 1) {
      if (id % 2 === 0) {
        peer.send(to.PREPARE, id);
        await peer.frame(from.PREPARED, id);
      }
      const command = new Command(peer, id, ['true']);
      await sleep((id % 6) / 3);
      peer.send(to.HOLD);
      await command.started();
      command.end(0);
      await command.exited();
      command.forget();
    }
  });
});
