import type { Commands } from './commands.js';
import {
  decodeAccepted,
  decodeCredit,
  decodeDialled,
  decodeExited,
  decodeFailed,
  decodeListening,
  decodeOffset,
  decodePrepared,
  decodeStarted,
} from './decode.js';
import type { Echoes } from './echoes.js';
import { ChannelStartFailed, ChannelViolation } from './errors.js';
import type { Frame } from './frame.js';
import type { Ports } from './ports.js';
import { channelSize, channelStream, fromInit } from './protocol.js';
import type { OutputName } from './types.js';

export interface Receivers {
  readonly commands: Commands;
  readonly ports: Ports;
  readonly pings: Echoes;
  readonly deadlines: Echoes;
}

type Handler = (frame: Frame, to: Receivers) => void;

const outputName = (frame: Frame): OutputName => (frame.stream === channelStream.STREAM_STDERR ? 'stderr' : 'stdout');

const handlers: ReadonlyMap<number, Handler> = new Map<number, Handler>([
  [
    fromInit.FROM_INIT_OUTPUT,
    (frame, { commands }) =>
      commands.get(frame.id).onOutput(outputName(frame), frame.payload.subarray(8), decodeOffset(frame.payload)),
  ],
  [
    fromInit.FROM_INIT_OUTPUT_END,
    (frame, { commands }) => commands.get(frame.id).onOutputEnd(outputName(frame), decodeOffset(frame.payload)),
  ],
  [
    fromInit.FROM_INIT_PREPARED,
    ({ id, payload }, { commands }) => commands.preparation(id).onPrepared(decodePrepared(payload)),
  ],
  [fromInit.FROM_INIT_STARTED, ({ id, payload }, { commands }) => commands.get(id).onStarted(decodeStarted(payload))],
  [
    fromInit.FROM_INIT_FAILED,
    ({ id, payload }, { commands }) => {
      const { stage, errno } = decodeFailed(payload);
      commands.begun(id).onFailed(new ChannelStartFailed(stage, errno));
    },
  ],
  [
    fromInit.FROM_INIT_CREDIT,
    ({ id, payload }, { commands, ports }) => {
      const bytes = decodeCredit(payload);
      if (id < channelSize.FIRST_CONNECTION_ID) commands.get(id).onCredit(bytes);
      else ports.connection(id)?.onCredit(bytes);
    },
  ],
  [fromInit.FROM_INIT_EXITED, ({ id, payload }, { commands }) => commands.get(id).onExited(decodeExited(payload))],
  [fromInit.FROM_INIT_PONG, ({ payload }, { pings }) => pings.onAnswer(payload)],
  [fromInit.FROM_INIT_DEADLINE, ({ payload }, { deadlines }) => deadlines.onAnswer(payload)],
  [fromInit.FROM_INIT_LISTENING, ({ id, payload }, { ports }) => ports.onListening(id, decodeListening(payload))],
  [fromInit.FROM_INIT_ACCEPTED, ({ id, payload }, { ports }) => ports.onAccepted(id, decodeAccepted(payload))],
  [fromInit.FROM_INIT_DIALLED, ({ id, payload }, { ports }) => ports.onDialled(id, decodeDialled(payload))],
  [fromInit.FROM_INIT_CONNECTION_DATA, ({ id, payload }, { ports }) => ports.connection(id)?.onData(payload)],
  [fromInit.FROM_INIT_CONNECTION_END, ({ id }, { ports }) => ports.connection(id)?.onEnd()],
  [fromInit.FROM_INIT_CONNECTION_RESET, ({ id }, { ports }) => ports.connection(id)?.onReset()],
]);

/** Hands a frame of an open channel to whom it is about; throws ChannelViolation when it may not come now. */
export function dispatch(frame: Frame, to: Receivers): void {
  const handler = handlers.get(frame.type);
  if (handler === undefined) {
    throw new ChannelViolation(frame.type === fromInit.FROM_INIT_HELLO ? 'a second HELLO' : 'too many STATE frames');
  }
  handler(frame, to);
}
