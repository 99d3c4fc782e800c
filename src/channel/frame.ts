import { ChannelViolation } from './errors.js';
import { channelSize, channelStream, fromInit } from './protocol.js';

/** A frame as it stands on the wire. Nobody writes to `payload` again; of a small one it is a view of more. */
export interface Frame {
  readonly type: number;
  readonly stream: number;
  readonly id: number;
  readonly payload: Buffer;
}

type IdKind = 'session' | 'command' | 'connection' | 'command or connection';

interface HeaderRule {
  readonly name: string;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly id: IdKind;
  readonly takesStream: boolean;
}

const lastId = channelSize.FIRST_CONNECTION_ID - 1;
const { MAX_DATA, MAX_PING, NONCE_BYTES } = channelSize;
const helloBytes = 8 + 2 + 2 + NONCE_BYTES + 4;

const rule = (name: string, id: IdKind, minBytes: number, maxBytes = minBytes, takesStream = false): HeaderRule => ({
  name,
  id,
  minBytes,
  maxBytes,
  takesStream,
});

// Listeners and dials have ids of the same numbers as commands.
const rules: ReadonlyMap<number, HeaderRule> = new Map([
  [fromInit.FROM_INIT_HELLO, rule('HELLO', 'session', helloBytes + 1, helloBytes + 64)],
  [fromInit.FROM_INIT_STARTED, rule('STARTED', 'command', 4)],
  [fromInit.FROM_INIT_FAILED, rule('FAILED', 'command', 8)],
  [fromInit.FROM_INIT_OUTPUT, rule('OUTPUT', 'command', 9, 8 + MAX_DATA, true)],
  [fromInit.FROM_INIT_OUTPUT_END, rule('OUTPUT_END', 'command', 8, 8, true)],
  [fromInit.FROM_INIT_CREDIT, rule('CREDIT', 'command or connection', 4)],
  [fromInit.FROM_INIT_EXITED, rule('EXITED', 'command', 48)],
  [fromInit.FROM_INIT_STATE, rule('STATE', 'command', 32)],
  [fromInit.FROM_INIT_PONG, rule('PONG', 'session', 0, MAX_PING)],
  [fromInit.FROM_INIT_LISTENING, rule('LISTENING', 'command', 6)],
  [fromInit.FROM_INIT_ACCEPTED, rule('ACCEPTED', 'connection', 4)],
  [fromInit.FROM_INIT_CONNECTION_DATA, rule('CONNECTION_DATA', 'connection', 1, MAX_DATA)],
  [fromInit.FROM_INIT_CONNECTION_END, rule('CONNECTION_END', 'connection', 0)],
  [fromInit.FROM_INIT_CONNECTION_RESET, rule('CONNECTION_RESET', 'connection', 0)],
  [fromInit.FROM_INIT_BYE, rule('BYE', 'session', 4, 4 + 200)],
  [fromInit.FROM_INIT_DEADLINE, rule('DEADLINE', 'session', 8)],
  [fromInit.FROM_INIT_PREPARED, rule('PREPARED', 'command', 4)],
  [fromInit.FROM_INIT_DIALLED, rule('DIALLED', 'command', 8)],
]);

/** The length of the payload that a header from process 1 announces; throws ChannelViolation before any of it is read. */
export function checkHeader(bytes: Buffer, at: number): number {
  const length = bytes.readUInt32LE(at);
  const type = bytes.readUInt8(at + 4);
  const known = rules.get(type);
  if (known === undefined) throw new ChannelViolation(`a frame of the unknown type 0x${type.toString(16)}`);
  if (bytes.readUInt16LE(at + 6) !== 0) throw new ChannelViolation(`${known.name} with reserved bits set`);
  if (length < known.minBytes || length > known.maxBytes) {
    throw new ChannelViolation(`${known.name} with ${length} bytes`);
  }
  checkStream(known, bytes.readUInt8(at + 5));
  checkId(known, bytes.readUInt32LE(at + 8));
  return length;
}

function checkStream(known: HeaderRule, stream: number): void {
  const isOutput = stream === channelStream.STREAM_STDOUT || stream === channelStream.STREAM_STDERR;
  if (known.takesStream ? isOutput : stream === channelStream.STREAM_NONE) return;
  throw new ChannelViolation(`${known.name} with the stream ${stream}`);
}

function checkId(known: HeaderRule, id: number): void {
  const kind = id === 0 ? 'session' : id > lastId ? 'connection' : 'command';
  if (kind === known.id || (known.id === 'command or connection' && kind !== 'session')) return;
  throw new ChannelViolation(`${known.name} with the id ${id}`);
}
