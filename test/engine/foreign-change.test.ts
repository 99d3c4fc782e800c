import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { labels } from '../../src/core/labels.js';
import { systemClock } from '../../src/kit/clock.js';
import type { AlarmNotice } from '../../src/monitor/alarms/alarm.js';
import { ForeignWatch } from '../../src/session/foreign-watch.js';
import type { Session } from '../../src/session/session.js';
import { emptyRootTar, engineKinds, execOptions, sleeperBody, uniqueName } from './support/engines.js';
import { run, Stage } from './support/stage.js';

const patience = { timeout: 20_000, interval: 100 };

describe.each(engineKinds)('what others do to containers on a real rootless %s', (kind) => {
  let stage: Stage;
  const raised: AlarmNotice[] = [];

  beforeAll(async () => {
    stage = await Stage.open(kind);
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  async function followed(): Promise<{ session: Session; watch: AsyncDisposable }> {
    const { engine, store } = stage;
    const alarms = { raise: (notice: AlarmNotice) => void raised.push(notice), clear: () => undefined };
    const session = await stage.create();
    const watch = new ForeignWatch({ engine, store, clock: systemClock, alarms }).watch(session);
    // The engine has to have heard that we listen.
    await sleep(1000);
    return { session, watch };
  }
  const told = (session: Session) =>
    raised.filter((notice) => notice.session === session.id).map(({ text }) => text.split(': ').at(-1));

  it('is told when somebody enters one and kills it, and commands and the end of ours are not', async () => {
    const { session, watch } = await followed();
    const { containerId } = session.sandbox.handle;
    await run(session, 'true');
    const exec = await stage.engine.createExec(containerId, execOptions(['/bin/true']));
    await using streams = await stage.engine.startExec(exec, { tty: false });
    for (const stream of [streams.stdout, streams.stderr]) stream.resume();
    await vi.waitFor(() => expect(told(session)).toContain('exec'), patience);
    await stage.engine.killContainer(containerId, 'KILL');
    await vi.waitFor(() => expect(told(session)).toContain('kill'), patience);
    await watch[Symbol.asyncDispose]();
    await stage.sessions.destroy(session.id);
  });

  it('is told when another container has the labels of a session, its nonce included', async () => {
    const { session, watch } = await followed();
    const [own] = await stage.engine.listContainers([`${labels.session}=${session.id}`]);
    const name = uniqueName('paddock-engine-test');
    const image = `localhost/${name}:1`;
    await stage.engine.importImage(image, emptyRootTar());
    const { id } = await stage.engine.createContainer(name, sleeperBody(kind, image, own?.labels ?? {}));
    await stage.engine.startContainer(id);
    const text = `container ${id.slice(0, 12)} has the labels of a session, and is not the one of that session`;
    await vi.waitFor(() => expect(told(session)).toEqual([text]), patience);
    await watch[Symbol.asyncDispose]();
    await stage.engine.removeContainer(id);
    await stage.engine.removeImage(image);
    await stage.sessions.destroy(session.id);
  });

  it('is not told of short sessions that others of ours make and end beside it', async () => {
    const { session, watch } = await followed();
    raised.length = 0;
    for (let round = 0; round < 4; round += 1) await stage.sessions.destroy((await stage.create()).id);
    await sleep(4000);
    expect(raised).toEqual([]);
    await watch[Symbol.asyncDispose]();
    await stage.sessions.destroy(session.id);
  });

  it('is not told of a session that is used and ended as it should be', async () => {
    const { session, watch } = await followed();
    await run(session, 'true');
    await stage.sessions.destroy(session.id);
    await sleep(3000);
    expect(told(session)).toEqual([]);
    await watch[Symbol.asyncDispose]();
  });
});
