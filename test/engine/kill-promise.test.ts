import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { processesOf } from '../../src/sandbox/processes.js';
import type { Session } from '../../src/session/session.js';
import type { SessionCommand } from '../../src/session/session-command.js';
import { commandWays } from './support/engines.js';
import { command, processesIn, Stage, said } from './support/stage.js';

const promise =
  'When a command ends, whichever way, all of it has ended: 200 ms later no process of it runs, however often it forked, ' +
  'whatever session it made, whatever signals it ignores.';

/** Everything at once: ignores SIGTERM, forks twice into sessions of their own, drops its environment, goes on forking. */
const stubborn =
  'trap "" TERM; (setsid sleep 1000 &); (env -i /usr/bin/setsid /bin/sh -c "trap \\"\\" TERM; while :; do sleep 0.05 & wait; done" &); ' +
  '(while :; do (sleep 0.03 &) ; sleep 0.03; done &); echo up; while :; do sleep 1000; done';

type Ending = (stage: Stage, session: Session, entry: SessionCommand) => Promise<unknown>;
const endings: readonly (readonly [string, { timeoutMs?: number; outputLimitBytes?: number }, string, Ending])[] = [
  ['at its timeout', { timeoutMs: 1000 }, stubborn, () => Promise.resolve()],
  ['when it is stopped', {}, stubborn, (_stage, _session, entry) => entry.command.end('aborted')],
  ['by itself', {}, `(${stubborn}) & sleep 2; exit 4`, () => Promise.resolve()],
  ['at its output limit', { outputLimitBytes: 4096 }, `(${stubborn}) & sleep 2; yes`, () => Promise.resolve()],
  ['with its session', {}, stubborn, (stage, session) => stage.sessions.destroy(session.id)],
];

it('is what README promises', () => {
  expect(readFileSync('README.md', 'utf8').replace(/\s+/g, ' ')).toContain(promise);
});

describe.each(commandWays)('ending a command on a real rootless %s, over %s', (kind, commandPath) => {
  let stage: Stage;
  let session: Session;
  beforeAll(async () => {
    stage = await Stage.open(kind, { commandPath });
    session = await stage.create();
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  it.each(endings)('%s leaves nothing of it running 200 ms later', async (_how, changes, line, end) => {
    const { namespace } = session.sandbox.handle;
    const entry = await session.start(command(line, changes));
    await expect.poll(() => entry.command.output.stdout.text(), { timeout: 10_000, interval: 20 }).toContain('up\n');
    expect(processesIn(session).length).toBeGreaterThan(2);
    await end(stage, session, entry);
    await entry.settled;
    expect(entry.outcome).toMatchObject({ result: {} });
    expect(entry.command.output.stdout.text()).toContain('up\n');
    await sleep(200);
    expect(processesOf(namespace).filter(({ pid }) => pid !== session.sandbox.handle.initPid)).toEqual([]);
    if (session.sandbox.alive) expect(await said(session, 'echo lives')).toBe('lives');
  });
});
