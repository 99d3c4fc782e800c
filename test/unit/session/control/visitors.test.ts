import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import { PolicyDenied } from '../../../../src/core/errors.js';
import { systemClock } from '../../../../src/kit/clock.js';
import { deferred } from '../../../../src/kit/deferred.js';
import { commandsOfHeld, execInHeld, updateHeld, usageOfHeld } from '../../../../src/session/control/client.js';
import { Questions } from '../../../../src/session/egress/questions.js';
import type { UpdateReport } from '../../../../src/session/update-report.js';
import { closed, frame, json, type Program, Served } from './support/visited.js';

const forever = new AbortController().signal;
const never = () => new Promise<never>(() => undefined);
const cat: Program = async ({ stdin, print }) => {
  for await (const chunk of stdin ?? []) await print('stdout', chunk as Buffer);
  return 0;
};
const exec = { say: 'exec', request: { argv: ['x'] }, hasInput: true };

async function expectStillServes(served: Served): Promise<void> {
  expect(await commandsOfHeld(await served.connect(), forever)).toBeInstanceOf(Array);
}

describe('a visitor of a held session', () => {
  it('has its input taken and its output and exit code given, unchanged', async () => {
    await using served = await Served.make(async (io) => {
      await io.print('stderr', Buffer.from(`err ${io.argv.join(' ')}`));
      await cat(io);
      return 7;
    });
    const bytes = randomBytes(5 * 1024 * 1024);
    const seen: Record<string, Buffer[]> = { stdout: [], stderr: [] };
    const held = await execInHeld(
      await served.connect(),
      { argv: ['a', 'b'] },
      {
        stdin: Readable.from([bytes]),
        onOutput: (stream, chunk) => void seen[stream]?.push(chunk),
      },
    );
    expect(await held.result).toMatchObject({ exitCode: 7, reason: 'exited' });
    expect(Buffer.concat(seen['stdout'] ?? []).equals(bytes)).toBe(true);
    expect(Buffer.concat(seen['stderr'] ?? []).toString()).toBe('err a b');
  });

  it('that takes its output slowly holds the command back, and nothing piles up', async () => {
    let printed = 0;
    await using served = await Served.make(async ({ print }) => {
      for (let n = 0; n < 4000; n += 1) {
        await print('stdout', Buffer.alloc(4096));
        printed += 4096;
      }
      return 0;
    });
    const gate = deferred<undefined>();
    let taken = 0;
    const held = await execInHeld(
      await served.connect(),
      { argv: ['x'] },
      {
        onOutput: async (_, chunk) => {
          await gate.promise;
          taken += chunk.length;
        },
      },
    );
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(printed).toBeLessThan(4 * 1024 * 1024);
    gate.resolve(undefined);
    await held.result;
    expect(taken).toBe(4000 * 4096);
  });

  it('can have its command ended, also when that does not read its input', async () => {
    await using served = await Served.make(async ({ ended }) => {
      await ended;
      return never();
    });
    const stop = new AbortController();
    const endless = Readable.from(
      (function* () {
        for (;;) yield Buffer.alloc(65_536);
      })(),
    );
    const held = await execInHeld(await served.connect(), { argv: ['x'] }, { stdin: endless, signal: stop.signal });
    await new Promise((resolve) => setTimeout(resolve, 100));
    stop.abort();
    expect(await held.result).toMatchObject({ exitCode: 130, reason: 'aborted' });
  });

  it('that goes away while its input is not read has its command ended', async () => {
    const ended = deferred<string>();
    await using served = await Served.make(async (io) => {
      ended.resolve(await io.ended);
      return 0;
    });
    const socket = await served.connect();
    socket.write(json(exec));
    await once(socket, 'data');
    socket.write(frame(2, Buffer.alloc(400_000)));
    socket.destroy();
    expect(await ended.promise).toBe('aborted');
  });

  it('has changes of its terminal passed on, also those from before its command runs', async () => {
    const sizes = deferred<readonly unknown[]>();
    await using served = await Served.make(async (io) => {
      await vi.waitFor(() => expect(io.sizes).toHaveLength(3));
      sizes.resolve(io.sizes);
      return 0;
    });
    const held = await execInHeld(await served.connect(), { argv: ['x'] }, { terminal: { rows: 1, columns: 2 } });
    await held.resize({ rows: 3, columns: 4 });
    await held.resize({ rows: 5, columns: 6 });
    expect(await sizes.promise).toEqual([
      { rows: 1, columns: 2 },
      { rows: 3, columns: 4 },
      { rows: 5, columns: 6 },
    ]);
    await held.result;
  });

  it('hears while its command runs that something waits for a person: what waits already, and what comes to it', async () => {
    const questions = new Questions(systemClock);
    const wants = (host: string) => {
      const question = { host, port: 443, via: 'connect' as const, rule: `https://${host}` };
      return questions.ask(question, new AbortController().signal);
    };
    let told = 0;
    await using served = await Served.make(async ({ print }) => {
      const asked = wants('new.test');
      await print('stdout', Buffer.from('waiting'));
      await asked;
      return 0;
    });
    served.session.egress = { questions };
    const before = wants('old.test');
    const output: string[] = [];
    const options = {
      onAsked: () => {
        told += 1;
      },
      onOutput: (_: string, chunk: Buffer) => void output.push(chunk.toString()),
    };
    const held = await execInHeld(await served.connect(), { argv: ['x'] }, options);
    await vi.waitFor(() => expect([told, output]).toEqual([2, ['waiting']]), { timeout: 10_000 });
    for (const { rule } of questions.list) questions.answer(rule, 'allow-once');
    expect(await before).toBe('allow-once');
    expect(await held.result).toMatchObject({ exitCode: 0 });
    // Who does not listen for it is not disturbed by it either.
    const last = wants('last.test');
    const deaf = await execInHeld(await served.connect(), { argv: ['x'] }, {});
    await vi.waitFor(() => expect(questions.list).toHaveLength(2), { timeout: 10_000 });
    for (const { rule } of questions.list) questions.answer(rule, 'deny');
    expect([await last, await deaf.result]).toMatchObject(['deny', { exitCode: 0 }]);
    expect(told).toBe(2);
  });

  it('is refused by policy with the rule', async () => {
    await using served = await Served.make(cat);
    const refused = execInHeld(await served.connect(), { argv: ['x'], timeout: 'soon' }, {});
    await expect(refused).rejects.toMatchObject({
      code: 'POLICY_DENIED',
      info: { ruleId: expect.any(String) as string },
    });
  });

  it('can have the session changed, and hears what came of it', async () => {
    await using served = await Served.make(cat);
    const report: UpdateReport = {
      ...{ sessionId: 'pdk_x', endsAt: '2026-01-01T00:00:00.000Z', endsInMs: 5, idleTimeoutMs: 6 },
      limits: { memoryBytes: 1, cpuMillis: 2, cpuShares: 3, pids: 4 },
      changes: [{ what: 'pids', before: '3', after: '4' }],
      controls: [{ id: 'pids', asked: '4', engine: '4', kernel: '-', status: 'absent', note: 'delegate' }],
      notes: [],
    };
    const asked: unknown[] = [];
    served.session.update = (request) => {
      asked.push(request);
      return Promise.resolve(report);
    };
    const signal = new AbortController().signal;
    expect(await updateHeld(await served.connect(), { pids: 4 }, signal)).toEqual(report);
    expect(asked).toEqual([{ pids: 4 }]);
  });

  it('hears why the session is not changed, with the rule and what to do', async () => {
    await using served = await Served.make(cat);
    served.session.update = () =>
      Promise.reject(new PolicyDenied('pids.ceiling', 'too many', { hint: 'Ask for fewer.' }));
    const asking = updateHeld(await served.connect(), { pids: 1e9 }, new AbortController().signal);
    const wanted = {
      code: 'POLICY_DENIED',
      message: 'too many',
      hint: 'Ask for fewer.',
      info: { ruleId: 'pids.ceiling' },
    };
    await expect(asking).rejects.toMatchObject(wanted);
  });

  it('is counted and written down when policy refuses it something, and not when something else goes wrong', async () => {
    await using served = await Served.make(cat);
    const never = new AbortController().signal;
    served.session.update = () => Promise.reject(new PolicyDenied('pids.ceiling', 'too many'));
    await expect(updateHeld(await served.connect(), { pids: 1e9 }, never)).rejects.toThrow('too many');
    const tooLong = execInHeld(await served.connect(), { argv: ['x'], timeout: '999h' }, {});
    await expect(tooLong).rejects.toMatchObject({ code: 'POLICY_DENIED' });
    expect(served.denied).toBe(2);
    const { id } = served.session;
    expect(served.audit.events).toEqual([
      `policy.deny ${id} pids.ceiling POLICY_DENIED`,
      expect.stringMatching(/^policy\.deny \S+ \S*timeout\S* POLICY_DENIED$/),
    ]);
    served.session.update = () => Promise.reject(new Error('no such thing'));
    await expect(updateHeld(await served.connect(), {}, never)).rejects.toThrow();
    expect([served.denied, served.audit.events.length]).toEqual([2, 2]);
    served.audit.isFull = true;
    const unwritten = execInHeld(await served.connect(), { argv: ['x'], timeout: '999h' }, {});
    await expect(unwritten).rejects.toMatchObject({ code: 'AUDIT_UNWRITABLE' });
  });

  it('stops waiting for a change when it wants to', async () => {
    await using served = await Served.make(cat);
    served.session.update = () => new Promise(() => undefined);
    const stop = new AbortController();
    const asking = updateHeld(await served.connect(), { pids: 4 }, stop.signal);
    stop.abort();
    await expect(asking).rejects.toMatchObject({ code: 'CHANNEL_UNAVAILABLE' });
  });

  it('hears how its command ended before it is shown out of a session that has ended', async () => {
    const end = deferred<number>();
    const served = await Served.make(() => end.promise);
    const held = await execInHeld(await served.connect(), { argv: ['x'] }, {});
    served.session.sandbox.alive = false;
    const closing = served[Symbol.asyncDispose]();
    end.resolve(137);
    expect(await held.result).toMatchObject({ exitCode: 137 });
    await closing;
  });

  it('has its command run on when its holder goes and the sandbox does not', async () => {
    let isEnded = false;
    const served = await Served.make(async (io) => {
      await io.ended;
      isEnded = true;
      return 0;
    });
    const held = await execInHeld(await served.connect(), { argv: ['x'] }, {});
    await served[Symbol.asyncDispose]();
    await expect(held.result).rejects.toMatchObject({ code: 'CHANNEL_UNAVAILABLE' });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(isEnded).toBe(false);
  });

  it('is told that the holder went away when it goes in the midst', async () => {
    const served = await Served.make(never);
    const held = await execInHeld(await served.connect(), { argv: ['x'] }, {});
    await served[Symbol.asyncDispose]();
    await expect(held.result).rejects.toMatchObject({ code: 'CHANNEL_UNAVAILABLE' });
  });
});

describe('a bad visitor', () => {
  const bad: readonly [string, Buffer][] = [
    ['garbage', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['a huge length', frame(1, Buffer.alloc(0), 0xffff_ffff)],
    ['a length above the limit', frame(1, Buffer.alloc(0), 4 * 1024 * 1024 + 1)],
    ['a kind that does not exist', frame(9, Buffer.alloc(1))],
    ['JSON that is none', frame(1, Buffer.from('{'))],
    ['a message that does not exist', json({ say: 'everything' })],
    ['a message with more in it', json({ say: 'commands', please: true })],
    ['input before anything', frame(2, Buffer.alloc(1))],
    ['a resize before anything', json({ say: 'resize', rows: 1, columns: 1 })],
    ['an update with more in it', json({ say: 'update', request: {}, please: true })],
    ['an update after a question', Buffer.concat([json({ say: 'commands' }), json({ say: 'update', request: {} })])],
    ['two questions', Buffer.concat([json({ say: 'commands' }), json({ say: 'commands' })])],
  ];

  it.each(bad)('that sends %s is cut off, and others are not', async (_, bytes) => {
    await using served = await Served.make(cat);
    const socket = await served.connect();
    socket.write(bytes);
    await closed(socket);
    await expectStillServes(served);
  });

  const worse: readonly [string, Buffer][] = [
    ['a second command', json(exec)],
    ['a terminal of no size', json({ say: 'resize', rows: 0, columns: 0 })],
    ['more input than it may', Buffer.concat([frame(2, Buffer.alloc(500_000)), frame(2, Buffer.alloc(500_000))])],
  ];

  it.each(worse)('that sends %s while its command runs loses it, and others do not notice', async (_, bytes) => {
    const ended = deferred<string>();
    await using served = await Served.make(async ({ argv, stdin, print, ...io }) => {
      if (argv[0] === 'good') return cat({ argv, stdin, print, ...io });
      ended.resolve(await io.ended);
      return 0;
    });
    const input = new Readable({ read: () => undefined });
    const output: Buffer[] = [];
    const good = await execInHeld(
      await served.connect(),
      { argv: ['good'] },
      {
        stdin: input,
        onOutput: (_stream, chunk) => void output.push(chunk),
      },
    );
    const socket = await served.connect();
    socket.write(json(exec));
    await once(socket, 'data');
    socket.write(bytes);
    await closed(socket);
    expect(await ended.promise).toBe('aborted');
    input.push('still here');
    input.push(null);
    expect(await good.result).toMatchObject({ exitCode: 0 });
    expect(Buffer.concat(output).toString()).toBe('still here');
  });

  it('that never reads does not keep the session from ending', async () => {
    const ended = deferred<string>();
    await using served = await Served.make(async (io) => {
      const over = new AbortController();
      void io.ended.then((reason) => {
        over.abort();
        ended.resolve(reason);
      });
      while (!over.signal.aborted) await io.print('stdout', Buffer.alloc(65_536));
      return 0;
    });
    const socket = await served.connect();
    socket.on('error', () => undefined).pause();
    socket.write(json(exec));
    await vi.waitFor(() => expect(served.session.commands).toHaveLength(1));
    served.session.closing.abort();
    expect(await ended.promise).toBe('aborted');
    socket.destroy();
  });

  it('is told what the session uses, as far as its holder knows', async () => {
    const trend = { min: 1, avg: 2, max: 3, last: 3 };
    const trends = { '1m': { pids: trend }, '5m': {}, '15m': {} };
    const usage = { sources: { pids: 'cgroup' as const }, atMs: 5, pids: 3 };
    await using served = await Served.make(cat, () => ({ usage, trends, alarms: [] }));
    expect(await usageOfHeld(await served.connect())).toEqual({ isAlive: true, usage, trends, alarms: [] });
    await using unwatched = await Served.make(cat);
    expect(await usageOfHeld(await unwatched.connect())).toEqual({ isAlive: true });
    // Where nobody can see its sandbox, as beside a server in a container.
    unwatched.session.byEngine = { sources: { memory: 'engine' }, memoryBytes: 5 };
    const { usage: said } = (await usageOfHeld(await unwatched.connect())) ?? {};
    expect(said).toMatchObject({ sources: { memory: 'engine' }, memoryBytes: 5 });
  });

  it('gives up one that was stopped, and says nothing at all', async () => {
    await using served = await Served.make(cat);
    const sockets = [await served.connect(), await served.connect()] as const;
    // As if nobody read it.
    for (const socket of sockets) socket.write = () => true;
    const [commands, usage] = await Promise.allSettled([commandsOfHeld(sockets[0], forever), usageOfHeld(sockets[1])]);
    expect(commands).toMatchObject({ status: 'rejected', reason: { code: 'CHANNEL_UNAVAILABLE' } });
    expect(usage).toEqual({ status: 'fulfilled', value: undefined });
  });

  it('takes a holder that does not know the question for one that knows nothing', async () => {
    await using served = await Served.make(cat, () => {
      throw new Error('of another version');
    });
    expect(await usageOfHeld(await served.connect())).toBeUndefined();
    await expectStillServes(served);
  });
});
