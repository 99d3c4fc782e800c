import { PaddockError } from '../core/errors.js';
import { CHANNEL_MAGIC, channelSize, channelStream, signalScope, startFlag, toInit } from './protocol.js';
import type { ChannelStart, SignalScope } from './types.js';

const { HEADER_BYTES, MAX_START_PAYLOAD, MAX_RLIMITS, MAX_RING_BYTES } = channelSize;
const maxU32 = 0xffff_ffff;
const maxU64 = 0xffff_ffff_ffff_ffffn;
const startHeadBytes = 40;
const rlimitBytes = 24;

const scopes: Readonly<Record<SignalScope, number>> = {
  leader: signalScope.SCOPE_LEADER,
  tree: signalScope.SCOPE_TREE,
  foreground: signalScope.SCOPE_FOREGROUND,
};

/** In `spare`, where that is exactly as long. */
function frame(type: number, id: number, payloadBytes: number, stream = 0, spare?: Buffer): Buffer {
  const length = HEADER_BYTES + payloadBytes;
  const bytes = spare?.length === length ? spare : Buffer.allocUnsafe(length);
  bytes.writeUInt32LE(payloadBytes, 0);
  bytes.writeUInt8(type, 4);
  bytes.writeUInt8(stream, 5);
  bytes.writeUInt16LE(0, 6);
  bytes.writeUInt32LE(id, 8);
  return bytes;
}

function dataFrame(type: number, id: number, data: Uint8Array, spare?: Buffer): Buffer {
  const bytes = frame(type, id, data.length, 0, spare);
  bytes.set(data, HEADER_BYTES);
  return bytes;
}

export function encodeHello(nonce: Uint8Array): Buffer {
  const bytes = frame(toInit.TO_INIT_HELLO, 0, 12 + nonce.length);
  bytes.write(CHANNEL_MAGIC, HEADER_BYTES, 'latin1');
  bytes.writeUInt16LE(channelSize.CHANNEL_VERSION, HEADER_BYTES + 8);
  bytes.writeUInt16LE(channelSize.CHANNEL_VERSION, HEADER_BYTES + 10);
  bytes.set(nonce, HEADER_BYTES + 12);
  return bytes;
}

export interface OutputCredit {
  readonly stdout: number;
  readonly stderr: number;
}

/** Throws BAD_ARGUMENT for whatever process 1 would refuse as a violation, since that would end the session. */
export function encodeStart(id: number, start: ChannelStart, credit: OutputCredit): Buffer {
  const rlimits = start.rlimits ?? [];
  const strings = startStrings(start);
  const size = startHeadBytes + rlimits.length * rlimitBytes + strings.length;
  check(size <= MAX_START_PAYLOAD, `arguments and environment take ${size} bytes, more than ${MAX_START_PAYLOAD}`);
  check(rlimits.length <= MAX_RLIMITS, `${rlimits.length} rlimits, more than ${MAX_RLIMITS}`);
  const bytes = frame(toInit.TO_INIT_START, id, size);
  let at = writeStartHead(bytes, start, credit);
  for (const { resource, soft, hard } of rlimits) {
    check(soft >= 0n && soft <= hard && hard <= maxU64, `the rlimit ${resource} is out of bounds`);
    at = bytes.writeUInt32LE(whole(resource, 0, maxU32, 'an rlimit'), at);
    at = bytes.writeUInt32LE(0, at);
    at = bytes.writeBigUInt64LE(soft, at);
    at = bytes.writeBigUInt64LE(hard, at);
  }
  bytes.set(strings, at);
  return bytes;
}

function writeStartHead(bytes: Buffer, start: ChannelStart, credit: OutputCredit): number {
  const flags = (start.tty ? startFlag.START_TTY : 0) | (start.stdin ? startFlag.START_STDIN : 0);
  const rows = start.tty ? whole(start.tty.rows, 1, 0xffff, 'rows') : 0;
  const columns = start.tty ? whole(start.tty.columns, 1, 0xffff, 'columns') : 0;
  let at = bytes.writeUInt32LE(whole(start.timeoutMs, 0, maxU32, 'timeoutMs'), HEADER_BYTES);
  at = bytes.writeUInt32LE(whole(start.graceMs, 0, maxU32, 'graceMs'), at);
  at = bytes.writeUInt32LE(whole(start.ringBytes ?? 0, 0, MAX_RING_BYTES, 'ringBytes'), at);
  at = bytes.writeUInt32LE(credit.stdout, at);
  at = bytes.writeUInt32LE(credit.stderr, at);
  at = bytes.writeUInt16LE(flags, at);
  at = bytes.writeUInt16LE(whole(start.umask ?? 0o022, 0, 0o777, 'umask'), at);
  at = bytes.writeUInt16LE(rows, at);
  at = bytes.writeUInt16LE(columns, at);
  at = bytes.writeUInt32LE(start.rlimits?.length ?? 0, at);
  at = bytes.writeUInt32LE(start.argv.length, at);
  return bytes.writeUInt32LE(Object.keys(start.env).length, at);
}

function startStrings(start: ChannelStart): Buffer {
  const apparmor = start.apparmor ?? '';
  check(start.argv.length > 0, 'a command needs at least its own name');
  check(start.cwd.startsWith('/'), 'the working directory must be absolute');
  check(/^((exec|stack) .+)?$/s.test(apparmor), 'the AppArmor line is neither `exec NAME` nor `stack NAME`');
  const env = Object.entries(start.env).map(([name, value]) => {
    check(name !== '' && !name.includes('='), `${JSON.stringify(name)} can't be the name of a variable`);
    return `${name}=${value}`;
  });
  const all = [start.cwd, apparmor, ...start.argv, ...env];
  check(!all.some((text) => text.includes('\0')), 'arguments and environment must not hold NUL characters');
  return Buffer.from(`${all.join('\0')}\0`);
}

/** `spare`: an older frame that nobody needs any more, to be written over. */
export function encodeInput(id: number, data: Uint8Array, spare?: Buffer): Buffer {
  return dataFrame(toInit.TO_INIT_INPUT, id, data, spare);
}

export function encodeInputEnd(id: number): Buffer {
  return frame(toInit.TO_INIT_INPUT_END, id, 0);
}

/** `stream` is stdout or stderr of a command, or `connection`. */
export function encodeCredit(id: number, stream: 'stdout' | 'stderr' | 'connection', credit: number): Buffer {
  const { STREAM_STDOUT, STREAM_STDERR, STREAM_CONNECTION } = channelStream;
  const number = stream === 'stdout' ? STREAM_STDOUT : stream === 'stderr' ? STREAM_STDERR : STREAM_CONNECTION;
  const bytes = frame(toInit.TO_INIT_CREDIT, id, 4, number);
  bytes.writeUInt32LE(credit, HEADER_BYTES);
  return bytes;
}

export function encodeSignal(id: number, signo: number, scope: SignalScope): Buffer {
  const bytes = frame(toInit.TO_INIT_SIGNAL, id, 2);
  bytes.writeUInt8(whole(signo, 1, 64, 'a signal'), HEADER_BYTES);
  bytes.writeUInt8(scopes[scope], HEADER_BYTES + 1);
  return bytes;
}

export function encodeEnd(id: number, graceMs: number): Buffer {
  const bytes = frame(toInit.TO_INIT_END, id, 4);
  bytes.writeUInt32LE(whole(graceMs, 0, maxU32, 'graceMs'), HEADER_BYTES);
  return bytes;
}

export function encodeResize(id: number, rows: number, columns: number): Buffer {
  const bytes = frame(toInit.TO_INIT_RESIZE, id, 4);
  bytes.writeUInt16LE(whole(rows, 1, 0xffff, 'rows'), HEADER_BYTES);
  bytes.writeUInt16LE(whole(columns, 1, 0xffff, 'columns'), HEADER_BYTES + 2);
  return bytes;
}

export function encodePrepare(id: number): Buffer {
  return frame(toInit.TO_INIT_PREPARE, id, 0);
}

export function encodeHold(): Buffer {
  return frame(toInit.TO_INIT_HOLD, 0, 0);
}

export function encodeForget(id: number): Buffer {
  return frame(toInit.TO_INIT_FORGET, id, 0);
}

export function encodePing(payload: Uint8Array): Buffer {
  return dataFrame(toInit.TO_INIT_PING, 0, payload);
}

/** The payload of DEADLINE, which is that of its answer, too. */
export function deadlinePayload(boottimeMs: number): Buffer {
  const payload = Buffer.allocUnsafe(8);
  payload.writeBigUInt64LE(BigInt(whole(boottimeMs, 1, Number.MAX_SAFE_INTEGER, 'a deadline')));
  return payload;
}

export function encodeDeadline(payload: Uint8Array): Buffer {
  return dataFrame(toInit.TO_INIT_DEADLINE, 0, payload);
}

export function encodeListen(id: number, port: number): Buffer {
  const bytes = frame(toInit.TO_INIT_LISTEN, id, 2);
  bytes.writeUInt16LE(whole(port, 0, 0xffff, 'a port'), HEADER_BYTES);
  return bytes;
}

export function encodeUnlisten(id: number): Buffer {
  return frame(toInit.TO_INIT_UNLISTEN, id, 0);
}

export function encodeDial(id: number, port: number): Buffer {
  const bytes = frame(toInit.TO_INIT_DIAL, id, 2);
  bytes.writeUInt16LE(whole(port, 1, 0xffff, 'a port'), HEADER_BYTES);
  return bytes;
}

export function encodeConnectionData(id: number, data: Uint8Array, spare?: Buffer): Buffer {
  return dataFrame(toInit.TO_INIT_CONNECTION_DATA, id, data, spare);
}

export function encodeConnectionEnd(id: number): Buffer {
  return frame(toInit.TO_INIT_CONNECTION_END, id, 0);
}

export function encodeConnectionReset(id: number): Buffer {
  return frame(toInit.TO_INIT_CONNECTION_RESET, id, 0);
}

export function encodeShutdown(): Buffer {
  return frame(toInit.TO_INIT_SHUTDOWN, 0, 0);
}

function whole(value: number, least: number, most: number, what: string): number {
  check(
    Number.isInteger(value) && value >= least && value <= most,
    `${what} must be a whole number, ${least} – ${most}`,
  );
  return value;
}

function check(isRight: boolean, message: string): void {
  if (!isRight) throw new PaddockError('BAD_ARGUMENT', message);
}
