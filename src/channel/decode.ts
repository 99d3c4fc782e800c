import { safeLine } from '../kit/safe-text.js';
import type { ByeWhy } from './end.js';
import { ChannelViolation, type FailedStage } from './errors.js';
import { CHANNEL_MAGIC, channelSize, helloFlag } from './protocol.js';
import type { ChannelExit, CommandState } from './types.js';

/*
 * Payloads of process 1 as values. Lengths were checked with the header (`checkHeader`); everything else is checked
 * here, and what is out of bounds throws ChannelViolation.
 */

export interface Hello {
  readonly version: number;
  readonly isTakenOver: boolean;
  readonly isProcReadable: boolean;
  /** That many STATE frames follow. */
  readonly commands: number;
  readonly initVersion: string;
}

/** PID_MAX_LIMIT of 64-bit kernels. */
const maxPid = 4_194_304;
const maxErrno = 4095;

const stages: readonly (FailedStage | undefined)[] = [
  undefined,
  'table',
  'pipe',
  'fork',
  'tty',
  'rlimit',
  'cwd',
  'apparmor',
  'exec',
];
const causes = ['itself', 'timeout', 'ended', 'supervisor-lost'] as const;
const byes: readonly ByeWhy[] = ['stopped', 'deadline', 'violation', 'unkillable', 'kernel'];

export function decodeHello(payload: Buffer, nonce: Buffer): Hello {
  const { NONCE_BYTES, MAX_COMMANDS, CHANNEL_VERSION } = channelSize;
  const version = payload.readUInt16LE(8);
  const flags = payload.readUInt16LE(10);
  const commands = payload.readUInt32LE(12 + NONCE_BYTES);
  const initVersion = payload.toString('latin1', 16 + NONCE_BYTES);
  require(payload.toString('latin1', 0, 8) === CHANNEL_MAGIC, 'HELLO without the magic bytes');
  require(version === CHANNEL_VERSION, `HELLO with the version ${version}`);
  require((flags & ~(helloFlag.HELLO_TAKEN_OVER | helloFlag.HELLO_PROC_READABLE)) === 0, `HELLO with flags ${flags}`);
  require(nonce.equals(payload.subarray(12, 12 + NONCE_BYTES)), 'HELLO with a nonce that was not ours');
  require(commands <= MAX_COMMANDS, `HELLO with ${commands} commands`);
  require(/^[\x21-\x7e]+$/.test(initVersion), 'HELLO with a malformed version text');
  const isTakenOver = (flags & helloFlag.HELLO_TAKEN_OVER) !== 0;
  require(isTakenOver || commands === 0, 'HELLO with commands that nobody started');
  return { version, isTakenOver, isProcReadable: (flags & helloFlag.HELLO_PROC_READABLE) !== 0, commands, initVersion };
}

/** The pid of the command's first process, as seen inside. */
export function decodeStarted(payload: Buffer): number {
  return pidAt(payload, 0, 'STARTED');
}

/** The same. */
export function decodePrepared(payload: Buffer): number {
  return pidAt(payload, 0, 'PREPARED');
}

export function decodeFailed(payload: Buffer): { readonly stage: FailedStage; readonly errno: number } {
  const stage = stages[payload.readUInt32LE(0)];
  const errno = payload.readUInt32LE(4);
  if (stage === undefined) throw new ChannelViolation(`FAILED at the stage ${payload.readUInt32LE(0)}`);
  require(errno >= 1 && errno <= maxErrno, `FAILED with the error ${errno}`);
  return { stage, errno };
}

/** The offset of an OUTPUT's first byte, or the length in an OUTPUT_END. */
export function decodeOffset(payload: Buffer): number {
  return u64At(payload, 0, 'an offset');
}

/** How many bytes of input were written away. */
export function decodeCredit(payload: Buffer): number {
  return payload.readUInt32LE(0);
}

export function decodeExited(payload: Buffer): ChannelExit {
  const status = payload.readUInt32LE(4);
  const cause = causes[payload.readUInt32LE(8)];
  const strays = payload.readUInt32LE(12);
  if (cause === undefined) throw new ChannelViolation(`EXITED with the cause ${payload.readUInt32LE(8)}`);
  require(strays <= maxPid, `EXITED with ${strays} strays`);
  return {
    ...decodeHow(payload.readUInt32LE(0), status),
    cause,
    strays,
    userUs: u64At(payload, 16, 'user time'),
    systemUs: u64At(payload, 24, 'system time'),
    peakBytes: u64At(payload, 32, 'peak memory'),
    durationUs: u64At(payload, 40, 'a duration'),
  };
}

function decodeHow(how: number, status: number): Pick<ChannelExit, 'how' | 'status' | 'signal'> {
  if (how === 0) {
    require(status <= 255, `EXITED with the status ${status}`);
    return { how: 'exited', status };
  }
  if (how === 1) {
    require(status >= 1 && status <= 64, `EXITED with the signal ${status}`);
    return { how: 'signal', signal: status };
  }
  require(how === 2, `EXITED how ${how}`);
  return { how: 'lost' };
}

export function decodeState(id: number, payload: Buffer): CommandState {
  const phase = payload.readUInt32LE(0);
  require(phase <= 1, `STATE with the phase ${phase}`);
  return {
    id,
    phase: phase === 0 ? 'running' : 'finished',
    pid: payload.readUInt32LE(4) === 0 ? 0 : pidAt(payload, 4, 'STATE'),
    startedBoottimeMs: u64At(payload, 8, 'a start'),
    stdoutOffset: u64At(payload, 16, 'an offset'),
    stderrOffset: u64At(payload, 24, 'an offset'),
  };
}

export function decodeListening(payload: Buffer): { readonly errno: number; readonly port: number } {
  const errno = payload.readUInt32LE(0);
  const port = payload.readUInt16LE(4);
  require(errno <= maxErrno, `LISTENING with the error ${errno}`);
  require(errno !== 0 || port !== 0, 'LISTENING on the port 0');
  return { errno, port };
}

/** The listener that a connection came to. */
export function decodeAccepted(payload: Buffer): number {
  return payload.readUInt32LE(0);
}

/** The connection that was made, or why there is none. */
export function decodeDialled(payload: Buffer): { readonly errno: number; readonly connection: number } {
  const errno = payload.readUInt32LE(0);
  const connection = payload.readUInt32LE(4);
  require(errno <= maxErrno, `DIALLED with the error ${errno}`);
  const isRight = errno === 0 ? connection >= channelSize.FIRST_CONNECTION_ID : connection === 0;
  require(isRight, `DIALLED with the error ${errno} and the connection ${connection}`);
  return { errno, connection };
}

export function decodeBye(payload: Buffer): { readonly why: ByeWhy; readonly text: string } {
  const why = byes[payload.readUInt32LE(0)];
  if (why === undefined) throw new ChannelViolation(`BYE because of ${payload.readUInt32LE(0)}`);
  return { why, text: safeLine(payload.toString('utf8', 4)) };
}

function pidAt(payload: Buffer, at: number, frame: string): number {
  const pid = payload.readUInt32LE(at);
  require(pid >= 2 && pid <= maxPid, `${frame} with the pid ${pid}`);
  return pid;
}

/** u64 up to 2^53 - 1, which no count of ours reaches. */
function u64At(payload: Buffer, at: number, what: string): number {
  const high = payload.readUInt32LE(at + 4);
  require(high < 0x20_0000, `${what} above 2^53`);
  return high * 0x1_0000_0000 + payload.readUInt32LE(at);
}

function require(isRight: boolean, rule: string): void {
  if (!isRight) throw new ChannelViolation(rule);
}
