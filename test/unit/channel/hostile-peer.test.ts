import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ChannelCommand } from '../../../src/channel/types.js';
import {
  accepted,
  bye,
  connectionData,
  connectionEnd,
  connectionId,
  credit,
  deadline,
  dialled,
  exited,
  failed,
  finished,
  frame,
  hello,
  listening,
  output,
  outputEnd,
  pong,
  prepared,
  started,
  state,
  u16,
  u32,
  u64,
} from './support/from-init.js';
import { command, Kept, Rig } from './support/rig.js';

const MiB = 1024 * 1024;
const nonce = Buffer.alloc(16, 7);
const header = (length: number, type: number, id: number, stream = 0) =>
  Buffer.concat([u32(length), Buffer.from([type, stream]), u16(0), u32(id)]);

type Frames = readonly Buffer[];
type Table = readonly (readonly [what: string, ...frames: Frames])[];

const cases = (table: Table) => table.map(([what, ...frames]) => ({ what, frames }));

const afterHello: Table = [
  ['a type of none', frame(0x00, 0)],
  ['a type of the holder', frame(0x01, 0, Buffer.alloc(28))],
  ['a type after the last', frame(0x93, 0)],
  ['the last type of all', frame(0xff, 0)],
  ['a length of 4 GiB', header(0xffff_ffff, 0x84, 1, 1)],
  ['a length above the greatest payload', header(65_553, 0x84, 1, 1)],
  ['connection data above 64 KiB', header(65_537, 0x8c, connectionId(0))],
  ['a PONG above 64 bytes', header(65, 0x89, 0)],
  ['STARTED that is too short', header(3, 0x82, 1)],
  ['STARTED that is too long', header(5, 0x82, 1)],
  ['an EXITED that is too short', header(47, 0x87, 1)],
  ['a BYE without a reason', header(3, 0x8f, 0)],
  ['a BYE with a long text', header(205, 0x8f, 0)],
  ['a BYE of no known reason', frame(0x8f, 0, u32(5))],
  ['a second HELLO', hello(nonce)],
  ['a STATE that was not announced', state(1)],
  ['STARTED of a command that was not started', started(1)],
  ['PREPARED of a command that nobody prepared', prepared(1)],
  ['FAILED of a command that was not started', failed(1)],
  ['output of a command that was not started', output(1, 1, 0, 'x')],
  ['the end of its output', outputEnd(1, 1, 0)],
  ['its exit', exited(1)],
  ['its credit', credit(1, 1)],
  ['a PONG that answers nothing', pong(Buffer.alloc(8))],
  ['a DEADLINE that answers nothing', deadline(9000)],
  ['a DEADLINE that is too short', header(7, 0x90, 0)],
  ['a DEADLINE that is too long', header(9, 0x90, 0)],
  ['a DEADLINE with an id', frame(0x90, 1, u64(9000))],
  ['a LISTENING that answers nothing', listening(1, 0, 80)],
  ['a DIALLED that answers nothing', dialled(1, 111)],
  ['a DIALLED that is too short', header(7, 0x92, 1)],
  ['a connection to no listener', accepted(connectionId(0), 1)],
  ['a connection to the listener 0', accepted(connectionId(0), 0)],
  ['data of a connection that never was', connectionData(connectionId(0), 'x')],
  ['the end of a connection that never was', connectionEnd(connectionId(0))],
  ['the reset of a connection that never was', frame(0x8e, connectionId(9))],
  ['credit of a connection that never was', credit(connectionId(0), 1)],
  ['reserved bits', frame(0x89, 0, Buffer.alloc(0), 0, 1)],
  ['a PONG with a stream', frame(0x89, 0, Buffer.alloc(0), 1)],
  ['a PONG with an id', frame(0x89, 1)],
  ['a BYE with an id', frame(0x8f, 1, u32(0))],
  ['a command with the id 0', frame(0x82, 0, u32(7))],
  ['a command with the id of a connection', frame(0x82, connectionId(0), u32(7))],
  ['a connection with the id of a command', frame(0x8b, 1, u32(1))],
  ['credit for the session', frame(0x86, 0, u32(1))],
];

const whileStarting: Table = [
  ['output before STARTED', output(1, 1, 0, 'x')],
  ['the end of output before STARTED', outputEnd(1, 1, 0)],
  ['EXITED before STARTED', exited(1)],
  ['credit before STARTED', credit(1, 1)],
  ['PREPARED of a command that was not', prepared(1)],
  ['the pid 0', started(1, 0)],
  ['the pid of process 1', started(1, 1)],
  ['a pid that no kernel gives', started(1, 4_194_305)],
  ['FAILED at no stage', failed(1, 0)],
  ['FAILED at a stage after the last', failed(1, 9)],
  ['FAILED without an error', failed(1, 8, 0)],
  ['FAILED with an error that is none', failed(1, 8, 4096)],
  ['a second FAILED', failed(1), failed(1)],
  ['STARTED after FAILED', failed(1), started(1)],
  ['EXITED after FAILED', failed(1), exited(1)],
];

const whileRunning: Table = [
  ['a second STARTED', started(1)],
  ['FAILED after STARTED', failed(1)],
  ['empty output', frame(0x84, 1, u64(0), 1)],
  ['output without an offset', frame(0x84, 1, u32(0), 1)],
  ['output of no stream', output(1, 0, 0, 'x')],
  ['output of the stream of connections', output(1, 3, 0, 'x')],
  ['output of a stream that is none', output(1, 255, 0, 'x')],
  ['output of another command', output(2, 1, 0, 'x')],
  ['output that does not begin at 0', output(1, 1, 1, 'x')],
  ['output with a gap', output(1, 1, 0, 'abc'), output(1, 1, 4, 'x')],
  ['output again', output(1, 1, 0, 'abc'), output(1, 1, 0, 'abc')],
  ['output that overlaps', output(1, 1, 0, 'abc'), output(1, 1, 2, 'x')],
  ['an offset above 2^53', output(1, 1, 2n ** 53n, 'x')],
  ['the greatest offset', output(1, 1, 2n ** 64n - 1n, 'x')],
  ['output after its end', outputEnd(1, 1, 0), output(1, 1, 0, 'x')],
  ['a second end of output', outputEnd(1, 1, 0), outputEnd(1, 1, 0)],
  ['an end beyond what came', output(1, 1, 0, 'abc'), outputEnd(1, 1, 4)],
  ['an end before what came', output(1, 1, 0, 'abc'), outputEnd(1, 1, 2)],
  ['the end of no stream', outputEnd(1, 0, 0)],
  ['the end of the stream of connections', outputEnd(1, 3, 0)],
  ['EXITED before any end of output', exited(1)],
  ['EXITED before the end of stderr', outputEnd(1, 1, 0), exited(1)],
  ['EXITED before the end of stdout', outputEnd(1, 2, 0), exited(1)],
  ['EXITED twice', finished(1), exited(1)],
  ['output after EXITED', finished(1), output(1, 1, 0, 'x')],
  ['the end of output after EXITED', finished(1), outputEnd(1, 1, 0)],
  ['credit after EXITED', finished(1), credit(1, 1)],
  ['STARTED after EXITED', finished(1), started(1)],
  ['EXITED in no known way', finished(1, { how: 3 })],
  ['a status above 255', finished(1, { status: 256 })],
  ['the signal 0', finished(1, { how: 1, status: 0 })],
  ['a signal above 64', finished(1, { how: 1, status: 65 })],
  ['EXITED of no known cause', finished(1, { cause: 4 })],
  ['more strays than there are pids', finished(1, { strays: 4_194_305 })],
  ...[0, 1, 2, 3].map((i) => {
    const numbers = [0, 0, 0, 0].map((zero, at) => (at === i ? 2n ** 53n : zero));
    return [`EXITED with number ${i} above 2^53`, finished(1, { numbers })] as const;
  }),
  ['credit that was not used', credit(1, 1)],
  ['credit of nothing', credit(1, 0)],
  ['LISTENING with the id of a command', listening(1, 98, 0)],
];

const onTerminal: Table = [
  ['output on stderr', output(1, 2, 0, 'x')],
  ['the end of stderr', outputEnd(1, 2, 0)],
];

const whileListening: Table = [
  ['a second LISTENING', listening(1, 0, 8080)],
  ['a connection to another listener', accepted(connectionId(0), 2)],
  ['a connection twice', accepted(connectionId(0), 1), accepted(connectionId(0), 1)],
  ['more than 256 connections', ...Array.from({ length: 257 }, (_, i) => accepted(connectionId(i), 1))],
  ['empty data', accepted(connectionId(0), 1), frame(0x8c, connectionId(0))],
  [
    'data after the end',
    accepted(connectionId(0), 1),
    connectionEnd(connectionId(0)),
    connectionData(connectionId(0), 'x'),
  ],
  ['a second end', accepted(connectionId(0), 1), connectionEnd(connectionId(0)), connectionEnd(connectionId(0))],
  ['an end with a payload', accepted(connectionId(0), 1), frame(0x8d, connectionId(0), Buffer.from('x'))],
  ['credit that was not used', accepted(connectionId(0), 1), credit(connectionId(0), 1)],
  [
    'data beyond the window',
    accepted(connectionId(0), 1),
    ...[65_536, 65_536, 1].map((bytes) => connectionData(connectionId(0), Buffer.alloc(bytes))),
  ],
];

const greetings: Table = [
  ['another first frame', pong(Buffer.alloc(0))],
  ['a command first', started(1)],
  ['a state first', state(1)],
  ['bytes that are no frame', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
];

const badHellos = [
  ['other magic bytes', { magic: 'PADDOCK\0' }],
  ['the version 0', { version: 0 }],
  ['a version that was not offered', { version: 2 }],
  ['unknown flags', { flags: 4 }],
  ['a holder before the first', { flags: 1 }],
  ['commands that nobody started', { commands: 1 }],
  ['no version text', { text: '' }],
  ['a long version text', { text: 'x'.repeat(65) }],
  ['a version text with an escape sequence', { text: '\u001b[2J' }],
] as const;

let rig: Rig;
beforeEach(async () => {
  rig = await Rig.open();
});
afterEach(() => rig[Symbol.asyncDispose]());

async function expectViolation(frames: Frames): Promise<void> {
  const end = await rig.endBy(...frames);
  expect(end).toMatchObject({ why: 'violation', message: expect.stringContaining('rules were broken') });
  expect(rig.channel.isOpen).toBe(false);
  await rig.init[Symbol.asyncDispose]();
  expect(rig.fifos.openHere()).toEqual([]);
}

describe('what process 1 may not send', () => {
  it.each(cases(afterHello))('at any time: $what', async ({ frames }) => expectViolation(frames));

  it.each(cases(whileStarting))('while a command starts: $what', async ({ frames }) => {
    const starting = rig.channel.start(command, new Kept());
    starting.catch(() => undefined);
    await rig.init.next(0x02);
    await expectViolation(frames);
    const wasRefused = frames.length === 2;
    await expect(starting).rejects.toMatchObject({ code: wasRefused ? 'COMMAND_NOT_RUN' : 'CHANNEL_VIOLATION' });
  });

  describe('while a command runs:', () => {
    let run: ChannelCommand;
    beforeEach(async () => {
      run = await rig.start();
    });

    it.each(cases(whileRunning))('$what', async ({ frames }) => {
      await expectViolation(frames);
      await run.exited.catch((error: unknown) => expect(error).toMatchObject({ code: 'CHANNEL_VIOLATION' }));
    });

    it('more output than the credit, however fast the sink is', async () => {
      const slow = await rig.start({}, { onOutput: () => new Promise(() => undefined) });
      expect(slow.id).toBe(2);
      const flood = Array.from({ length: 17 }, (_, i) => output(2, 1, i * 65_536, Buffer.alloc(65_536)));
      await expectViolation(flood);
    });

    it('credit for more input than was sent', async () => {
      await run.write(Buffer.alloc(1000));
      await rig.init.next(0x03);
      await expectViolation([credit(1, 600), credit(1, 401)]);
    });

    it('a frame for a command that was forgotten', async () => {
      rig.init.send(finished(1));
      await rig.init.next(0x09);
      await expectViolation([output(1, 1, 0, 'x')]);
    });
  });

  it('credit to a command without input', async () => {
    await rig.start({ stdin: false });
    await expectViolation([credit(1, 1)]);
  });

  it.each(cases(onTerminal))('on a terminal: $what', async ({ frames }) => {
    await rig.start({ tty: { rows: 24, columns: 80 } });
    await expectViolation(frames);
  });

  const withRing: Table = [
    ['going back', output(1, 1, 100, 'abc'), output(1, 1, 102, 'x')],
    ['an end before what came', output(1, 1, 100, 'abc'), outputEnd(1, 1, 102)],
  ];
  it.each(cases(withRing))('with a ring: $what', async ({ frames }) => {
    await rig.start({ ringBytes: MiB });
    await expectViolation(frames);
  });

  const answers: Table = [
    ['no port', listening(1, 0, 0)],
    ['another port than was asked for', listening(1, 0, 81)],
    ['an error that is none', listening(1, 4096, 80)],
    ['an answer for another listener', listening(2, 0, 80)],
    ['a connection before the answer', accepted(connectionId(0), 1)],
  ];
  it.each(cases(answers))('asked to listen on 80: $what', async ({ frames }) => {
    const asking = rig.channel.listen(80, () => undefined);
    asking.catch(() => undefined);
    await rig.init.next(0x0b);
    await expectViolation(frames);
    await expect(asking).rejects.toMatchObject({ code: 'CHANNEL_VIOLATION' });
  });

  it.each(cases(whileListening))('while it listens: $what', async ({ frames }) => {
    const asking = rig.channel.listen(0, () => undefined);
    await rig.init.next(0x0b);
    rig.init.send(listening(1, 0, 8080));
    await asking;
    await expectViolation(frames);
  });

  it.each([
    ['another payload', (payload: Buffer) => pong(Buffer.from(payload.map((byte) => byte ^ 1)))],
    ['a shorter payload', (payload: Buffer) => pong(payload.subarray(1))],
    ['two answers', (payload: Buffer) => Buffer.concat([pong(payload), pong(payload)])],
  ])('as the answer to a PING: %s', async (_, answer) => {
    const asking = rig.channel.ping();
    asking.catch(() => undefined);
    await expectViolation([answer((await rig.init.next(0x0a)).payload)]);
  });
});

describe('the answer to a DEADLINE', () => {
  it.each<[string, ...Buffer[]]>([
    ['is of another moment', deadline(8999)],
    ['is of a moment that no number can be', deadline(2n ** 64n - 1n)],
    ['is of the last one asked, not of the first', deadline(9001)],
    ['comes twice for one', deadline(9000), deadline(9001), deadline(9001)],
  ])('ends the session when it %s', async (_, ...answers) => {
    const asking = [9000, 9001].map((ms) => rig.channel.setDeadline(ms).catch((error: unknown) => error));
    await rig.init.next(0x11);
    await expectViolation(answers);
    const outcomes = await Promise.all(asking);
    const refused = outcomes.filter((outcome) => outcome !== undefined);
    if (answers.length === 1) expect(refused).toHaveLength(2);
    for (const outcome of refused) expect(outcome).toMatchObject({ code: 'CHANNEL_VIOLATION' });
  });

  it('resolves what asked for it, in order, and nothing before', async () => {
    const taken: number[] = [];
    const asking = [9000, 9001].map((ms) => rig.channel.setDeadline(ms).then(() => taken.push(ms)));
    expect((await rig.init.next(0x11)).payload.readBigUInt64LE()).toBe(9000n);
    rig.init.send(deadline(9000));
    await asking[0];
    expect(taken).toEqual([9000]);
    rig.init.send(deadline(9001));
    await Promise.all(asking);
  });

  it('that never comes is waited for by 64 at most', async () => {
    const asking = Array.from({ length: 65 }, () => rig.channel.setDeadline(9000).catch((error: unknown) => error));
    expect(await asking[64]).toMatchObject({ code: 'LIMIT_REACHED' });
    await rig.channel[Symbol.asyncDispose]();
    expect(await asking[0]).toMatchObject({ code: 'SESSION_ENDED' });
    await expect(rig.channel.setDeadline(9000)).rejects.toMatchObject({ code: 'SESSION_ENDED' });
  });
});

describe('a greeting that is refused', () => {
  const refusal = { code: 'CHANNEL_VIOLATION' };

  it.each(cases(greetings))('$what', async ({ frames }) => {
    await using greeting = await Rig.greeting();
    greeting.init.send(...frames);
    await expect(greeting.opening).rejects.toMatchObject(refusal);
    await greeting.init[Symbol.asyncDispose]();
    expect(greeting.fifos.openHere()).toEqual([]);
  });

  it.each(badHellos)('HELLO with %s', async (_, fields) => {
    await using greeting = await Rig.greeting();
    await greeting.init.greet(fields);
    await expect(greeting.opening).rejects.toMatchObject(refusal);
    await greeting.init[Symbol.asyncDispose]();
    expect(greeting.fifos.openHere()).toEqual([]);
  });

  it('HELLO with another nonce', async () => {
    await using greeting = await Rig.greeting();
    greeting.init.send(hello(nonce));
    await expect(greeting.opening).rejects.toMatchObject(refusal);
  });
});

it('is ended when it reads nothing, before what waits for it fills memory', async () => {
  const run = await rig.start();
  rig.init.pause();
  for (let i = 0; i < 1_000_000 && rig.channel.isOpen; i += 1) run.signal(10, 'leader');
  expect(await rig.channel.ended).toMatchObject({ why: 'violation' });
  await expect(run.exited).rejects.toMatchObject({ code: 'CHANNEL_VIOLATION' });
});

it('may say goodbye, but not with a text that fools a terminal', async () => {
  const end = await rig.endBy(bye(4, 'no \u001b[31mroom\n\u202eleft'));
  expect(end.why).toBe('kernel');
  expect(end.message).toBe('process 1 ended (kernel): no \\u{1b}[31mroom | \\u{202e}left');
});
