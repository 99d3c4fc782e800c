import { describe, expect, it } from 'vitest';
import {
  deadlinePayload,
  encodeConnectionData,
  encodeConnectionEnd,
  encodeConnectionReset,
  encodeCredit,
  encodeDeadline,
  encodeDial,
  encodeEnd,
  encodeForget,
  encodeHello,
  encodeHold,
  encodeInput,
  encodeInputEnd,
  encodeListen,
  encodePing,
  encodeResize,
  encodeShutdown,
  encodeSignal,
  encodeStart,
  encodeUnlisten,
} from '../../../src/channel/encode.js';
import type { ChannelStart } from '../../../src/channel/types.js';
import { frame, u16, u32, u64 } from './support/from-init.js';
import { command } from './support/rig.js';

const connection = 2 ** 31 + 3;
const credit = { stdout: 1000, stderr: 500 };
const nonce = Buffer.from('sixteen bytes ok');

describe('a frame of the holder', () => {
  const frames: readonly [string, Buffer, Buffer][] = [
    ['HELLO', encodeHello(nonce), frame(0x01, 0, Buffer.concat([Buffer.from('PADDOCK\n'), u16(1, 1), nonce]))],
    ['INPUT', encodeInput(7, Buffer.from('in')), frame(0x03, 7, Buffer.from('in'))],
    ['INPUT_END', encodeInputEnd(7), frame(0x04, 7)],
    ['CREDIT of stdout', encodeCredit(7, 'stdout', 5), frame(0x05, 7, u32(5), 1)],
    ['CREDIT of stderr', encodeCredit(7, 'stderr', 5), frame(0x05, 7, u32(5), 2)],
    ['CREDIT of a connection', encodeCredit(connection, 'connection', 5), frame(0x05, connection, u32(5), 3)],
    ['SIGNAL to the first process', encodeSignal(7, 1, 'leader'), frame(0x06, 7, Buffer.from([1, 0]))],
    ['SIGNAL to the tree', encodeSignal(7, 64, 'tree'), frame(0x06, 7, Buffer.from([64, 1]))],
    ['SIGNAL to the foreground', encodeSignal(7, 2, 'foreground'), frame(0x06, 7, Buffer.from([2, 2]))],
    ['END', encodeEnd(7, 2 ** 32 - 1), frame(0x07, 7, u32(2 ** 32 - 1))],
    ['RESIZE', encodeResize(7, 24, 65_535), frame(0x08, 7, u16(24, 65_535))],
    ['FORGET', encodeForget(7), frame(0x09, 7)],
    ['PING', encodePing(Buffer.from('?')), frame(0x0a, 0, Buffer.from('?'))],
    ['LISTEN', encodeListen(7, 8080), frame(0x0b, 7, u16(8080))],
    ['DIAL', encodeDial(7, 8080), frame(0x14, 7, u16(8080))],
    ['UNLISTEN', encodeUnlisten(7), frame(0x0c, 7)],
    ['CONNECTION_DATA', encodeConnectionData(connection, Buffer.from('x')), frame(0x0d, connection, Buffer.from('x'))],
    ['CONNECTION_END', encodeConnectionEnd(connection), frame(0x0e, connection)],
    ['CONNECTION_RESET', encodeConnectionReset(connection), frame(0x0f, connection)],
    ['SHUTDOWN', encodeShutdown(), frame(0x10, 0)],
    ['HOLD', encodeHold(), frame(0x13, 0)],
    ['DEADLINE', encodeDeadline(deadlinePayload(2 ** 53 - 1)), frame(0x11, 0, u64(2 ** 53 - 1))],
  ];

  it.each(frames)('%s is what docs/channel.md says', (_, encoded, expected) => {
    expect(encoded.toString('hex')).toBe(expected.toString('hex'));
  });

  it('START is what docs/channel.md says, with everything that it can carry', () => {
    const start: ChannelStart = {
      argv: ['sh', '-c', '', 'ä'],
      env: { PATH: '/bin', EMPTY: '', EQUALS: 'a=b' },
      cwd: '/work',
      timeoutMs: 60_000,
      graceMs: 5000,
      ringBytes: 4096,
      umask: 0o077,
      rlimits: [{ resource: 7, soft: 1024n, hard: 2n ** 64n - 1n }],
      tty: { rows: 24, columns: 80 },
      stdin: true,
      apparmor: 'stack paddock//&child',
    };
    const strings = '/work\0stack paddock//&child\0sh\0-c\0\0ä\0PATH=/bin\0EMPTY=\0EQUALS=a=b\0';
    const payload = Buffer.concat([
      u32(60_000, 5000, 4096, 1000, 500),
      u16(3, 0o077, 24, 80),
      u32(1, 4, 3),
      u32(7, 0),
      u64(1024, 2n ** 64n - 1n),
      Buffer.from(strings),
    ]);
    expect(encodeStart(9, start, credit).toString('hex')).toBe(frame(0x02, 9, payload).toString('hex'));
  });

  it('START is small where little is asked for', () => {
    const payload = Buffer.concat([
      u32(0, 0, 0, 1000, 500),
      u16(0, 0o022, 0, 0),
      u32(0, 1, 0),
      Buffer.from('/\0\0true\0'),
    ]);
    const start = { ...command, env: {}, stdin: false };
    expect(encodeStart(9, start, credit).toString('hex')).toBe(frame(0x02, 9, payload).toString('hex'));
  });

  it.each([0, -1, 1.5, Number.NaN, 2 ** 53])('DEADLINE is refused here for %d', (boottimeMs) => {
    expect(() => deadlinePayload(boottimeMs)).toThrow(expect.objectContaining({ code: 'BAD_ARGUMENT' }));
  });

  const limit = { resource: 7, soft: 1n, hard: 2n };
  const refused: readonly [string, Partial<ChannelStart>][] = [
    ['no name', { argv: [] }],
    ['a NUL in an argument', { argv: ['a\0b'] }],
    ['a NUL in the environment', { env: { A: 'a\0b' } }],
    ['a NUL in the working directory', { cwd: '/a\0b' }],
    ['a NUL in the AppArmor line', { apparmor: 'exec a\0b' }],
    ['a variable without a name', { env: { '': 'x' } }],
    ['a name with an equals sign', { env: { 'A=B': 'x' } }],
    ['a relative working directory', { cwd: 'work' }],
    ['another AppArmor line', { apparmor: 'changeprofile x' }],
    ['an AppArmor line without a name', { apparmor: 'exec ' }],
    ['a timeout below zero', { timeoutMs: -1 }],
    ['a timeout that is no number', { timeoutMs: Number.NaN }],
    ['a timeout of too many milliseconds', { timeoutMs: 2 ** 32 }],
    ['a broken grace', { graceMs: 1.5 }],
    ['a ring above 1 MiB', { ringBytes: 1_048_577 }],
    ['a mask with more bits', { umask: 0o1000 }],
    ['a terminal without rows', { tty: { rows: 0, columns: 80 } }],
    ['a terminal of too many columns', { tty: { rows: 24, columns: 65_536 } }],
    ['17 rlimits', { rlimits: Array.from({ length: 17 }, () => limit) }],
    ['a soft limit above the hard one', { rlimits: [{ ...limit, soft: 3n }] }],
    ['a limit below zero', { rlimits: [{ ...limit, soft: -1n }] }],
    ['a limit of 2^64', { rlimits: [{ ...limit, hard: 2n ** 64n }] }],
    ['a resource that is no number', { rlimits: [{ ...limit, resource: 0.5 }] }],
    ['more than 2 MiB', { argv: ['x'.repeat(2_097_152)] }],
  ];

  it.each(refused)('START is refused here, where it costs nothing: %s', (_, fields) => {
    expect(() => encodeStart(1, { ...command, ...fields }, credit)).toThrow(
      expect.objectContaining({ code: 'BAD_ARGUMENT' }),
    );
  });
});
