import { expect, it } from 'vitest';
import { EngineError } from '../../../src/core/errors.js';
import type { ContainerState, EngineEvent, EventsOptions } from '../../../src/engine/types.js';
import type { AlarmNotice } from '../../../src/monitor/alarms/alarm.js';
import { changeOf } from '../../../src/monitor/foreign-change.js';
import { ForeignWatch } from '../../../src/session/foreign-watch.js';
import type { SessionRecord } from '../../../src/session/record.js';
import { HeldClock } from '../tools/support/stage.js';
import { containerOf, record } from './support/records.js';

const containerId = 'c'.repeat(64);

/** A watch over one session, and an engine whose events are the test's. */
function staged(commandPath: 'fifo' | 'exec' = 'fifo') {
  const clock = new HeldClock();
  const one = record();
  const state = { streams: 0, open: 0, refusesSince: false, record: one as SessionRecord | undefined };
  const engineSays = { of: undefined as 'ENGINE_NOT_FOUND' | 'ENGINE_UNAVAILABLE' | undefined };
  const raised: AlarmNotice[] = [];
  const cleared: string[] = [];
  const queue: EngineEvent[] = [];
  let wake: () => void = () => undefined;
  const asked: EventsOptions[] = [];
  async function* events(_: readonly string[], signal: AbortSignal, options: EventsOptions = {}) {
    state.streams += 1;
    asked.push(options);
    if (state.refusesSince && options.sinceMs !== undefined) throw new EngineError('ENGINE_FAILED', 'no log is kept');
    state.open += 1;
    signal.addEventListener('abort', () => wake(), { once: true });
    try {
      for (;;) {
        const next = queue.shift();
        if (next?.action === 'broken') return;
        if (next !== undefined) yield next;
        else if (signal.aborted) return;
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    } finally {
      state.open -= 1;
    }
  }
  const inspectContainer = () =>
    engineSays.of === undefined
      ? Promise.resolve({} as ContainerState)
      : Promise.reject(new EngineError(engineSays.of, 'as the test has it'));
  const watch = new ForeignWatch({
    ...{ engine: { events, inspectContainer }, clock },
    store: { load: (id) => Promise.resolve(id === one.id ? state.record : undefined) },
    alarms: { raise: (notice) => void raised.push(notice), clear: (kind, id) => void cleared.push(`${kind} ${id}`) },
  });
  const ending = new AbortController();
  const sandbox = { commandPath, wasKilled: false, limitChanges: 0, handle: { containerId } };
  const session = { id: one.id as never, ending: ending.signal, sandbox };
  const happen = async (action: string, changes: Partial<EngineEvent> = {}, passMs = 2500) => {
    queue.push({ action, containerId, labels: containerOf(one).labels, timeMs: 7, ...changes });
    wake();
    await clock.pass(passMs);
    return told();
  };
  const told = () => raised.splice(0).map(({ kind, level, session: id, text }) => ({ kind, level, id, text }));
  return { asked, told, clock, one, state, engineSays, cleared, watch, session, sandbox, ending, happen };
}

it('knows what changes a container, in the words of either engine', () => {
  const words = [
    'exec_create: sh -c kill',
    'exec_start: x',
    'exec',
    'destroy',
    'extract-to-dir',
    'pause',
    'rename',
    'exec_died',
    'exec_die',
  ];
  expect(words.map((action) => changeOf({ action }))).toEqual([
    ...['exec', 'exec', 'exec', 'remove', 'copy', 'pause', 'rename', 'exec', 'exec'],
  ]);
  const own = ['create', 'init', 'start', 'attach', 'die', 'cleanup', 'oom', 'top', ''];
  expect(own.map((action) => changeOf({ action }))).toEqual(own.map(() => undefined));
});

it.each(['kill', 'exec_create: sh', 'pause', 'update', 'rename'])('tells that somebody else did %s', async (action) => {
  const { watch, session, happen, one, cleared, clock } = staged();
  watch.watch(session);
  expect(await happen(action)).toMatchObject([
    { kind: 'foreign-change', id: one.id, text: expect.stringContaining(changeOf({ action }) ?? '?') },
  ]);
  await clock.pass(60_000, 1000);
  expect(cleared).toEqual([`foreign-change ${one.id}`]);
});

it('says nothing of what we do ourselves, here or in another process', async () => {
  const ended = staged();
  ended.watch.watch(ended.session);
  ended.ending.abort();
  expect(await ended.happen('kill')).toEqual([]);
  const removed = staged();
  removed.watch.watch(removed.session);
  removed.sandbox.wasKilled = true;
  removed.state.record = undefined;
  expect(await removed.happen('destroy')).toEqual([]);
  removed.state.record = { ...removed.one, state: 'ending' };
  expect(await removed.happen('destroy')).toEqual([]);
  const byExec = staged('exec');
  byExec.watch.watch(byExec.session);
  expect(await byExec.happen('exec_create: sh')).toEqual([]);
  expect(await byExec.happen('pause')).toHaveLength(1);
  byExec.sandbox.limitChanges = 1;
  expect(await byExec.happen('update')).toEqual([]);
  expect(await byExec.happen('update')).toHaveLength(1);
});

it('takes the removal of a container that had ended for the engine’s own, and of one that was killed for somebody’s', async () => {
  const { watch, session, happen, sandbox } = staged();
  watch.watch(session);
  expect(await happen('remove')).toEqual([]);
  sandbox.wasKilled = true;
  expect(await happen('remove')).toMatchObject([{ level: 'critical' }]);
});

it('tells of a container that claims to be a session, and is none', async () => {
  const { watch, session, happen, one } = staged();
  watch.watch(session);
  const { labels } = containerOf(one);
  const other = record();
  const claims = { containerId: 'd'.repeat(64), labels: containerOf(other).labels };
  expect(await happen('start', claims)).toMatchObject([
    { kind: 'foreign-change', id: undefined, text: expect.stringMatching(/^container d{12} has the labels/) },
  ]);
  expect(
    await happen('start', { containerId: 'x\u001b', labels: { ...labels, 'dev.paddock.nonce': 'y' } }),
  ).toMatchObject([{ text: expect.stringContaining('of an odd id') }]);
  // One that another process is just making has its record, and its name.
  const making = { ...labels, name: one.containerName };
  expect(await happen('start', { containerId: 'e'.repeat(64), labels: making })).toEqual([]);
  expect(await happen('die', claims)).toEqual([]);
});

it('does not tell of a short session of another process of ours, which is over, record and container, by the time that it is heard of', async () => {
  const { watch, session, happen, engineSays, one } = staged();
  watch.watch(session);
  const short = { containerId: 'd'.repeat(64), labels: containerOf(record()).labels };
  engineSays.of = 'ENGINE_NOT_FOUND';
  expect(await happen('start', short)).toEqual([]);
  // Of no session at all, or of one that is there: gone or not.
  const odd = { ...short, labels: { ...short.labels, 'dev.paddock.session': 'x' } };
  expect(await happen('start', odd)).toHaveLength(1);
  expect(await happen('start', { ...short, labels: containerOf(one).labels })).toMatchObject([{ level: 'critical' }]);
  // Whether it is gone can't be said.
  engineSays.of = 'ENGINE_UNAVAILABLE';
  expect(await happen('start', short)).toHaveLength(1);
});

it('tells of a copy of a session’s labels on another container, whoever holds the session', async () => {
  const { watch, session, happen, one, state } = staged();
  await using own = watch.watch(session);
  const copy = { containerId: 'd'.repeat(64) };
  const text = expect.stringMatching(/^container d{12} has the labels of a session, and is not the one/);
  expect(await happen('start', copy)).toMatchObject([{ level: 'critical', id: one.id, text }]);
  await own[Symbol.asyncDispose]();
  watch.watch({ ...session, id: 'other' as never });
  state.record = { ...one, container: { id: containerId, initPid: 2, namespace: 'pid:[1]', initStartTicks: 1 } };
  const labels = { ...containerOf(one).labels, name: one.containerName };
  expect(await happen('start', { ...copy, labels })).toMatchObject([{ level: 'critical', id: undefined, text }]);
  expect(await happen('start', { containerId, labels })).toEqual([]);
});

it('goes on where the events broke off, and tells nothing twice', async () => {
  const { watch, session, asked, happen, clock } = staged();
  watch.watch(session);
  const { nowMs } = clock;
  expect(await happen('pause', { timeMs: nowMs + 1200 })).toHaveLength(1);
  expect(await happen('unpause', { timeMs: nowMs + 1300 })).toHaveLength(1);
  await happen('broken', {}, 1500);
  expect(asked.map(({ sinceMs }) => sinceMs)).toEqual([undefined, nowMs + 1000]);
  expect(await happen('pause', { timeMs: nowMs + 1200 })).toEqual([]);
  expect(await happen('exec', { timeMs: nowMs + 1900 })).toHaveLength(1);
  expect(await happen('unpause', { timeMs: nowMs + 1300 })).toEqual([]);
  // The same again is not the same.
  expect(await happen('pause', { timeMs: nowMs + 9000 })).toHaveLength(1);
});

it('says when it could not know: a line that can’t be read, and a pause of which the engine keeps no account', async () => {
  const { watch, session, asked, told, happen, state, clock } = staged();
  watch.watch(session);
  await clock.pass(10);
  asked[0]?.onUnreadable?.();
  expect(told()).toMatchObject([{ level: 'warning', id: undefined, text: expect.stringContaining('can not be read') }]);
  state.refusesSince = true;
  expect(await happen('broken', {}, 1500)).toMatchObject([{ text: expect.stringContaining('meanwhile') }]);
  await clock.pass(2000);
  expect(asked.map(({ sinceMs }) => sinceMs !== undefined)).toEqual([false, true, false]);
  expect(await happen('pause')).toHaveLength(1);
});

it('listens only while sessions are open, by one request for all, and again when that breaks', async () => {
  const { watch, session, state, happen, clock } = staged();
  expect(state.streams).toBe(0);
  const one = watch.watch(session);
  const two = watch.watch({ ...session, id: 'other' as never });
  await clock.pass(10);
  expect([state.streams, state.open]).toEqual([1, 1]);
  await happen('broken', {}, 900);
  expect(state.open).toBe(0);
  await clock.pass(500);
  expect([state.streams, state.open]).toEqual([2, 1]);
  // Without a word in between it waits longer and longer.
  await happen('broken', {}, 1500);
  expect(state.open).toBe(0);
  await clock.pass(1000);
  expect(await happen('pause')).toHaveLength(1);
  await one[Symbol.asyncDispose]();
  expect(state.open).toBe(1);
  await two[Symbol.asyncDispose]();
  await clock.pass(10);
  expect(state.open).toBe(0);
});
