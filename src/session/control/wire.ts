import type { Socket } from 'node:net';
import { PaddockError } from '../../core/errors.js';

/** Frames of a control socket: u32 length (little-endian) · u8 kind · payload. */
export const frameKinds = { json: 1, stdin: 2, stdout: 3, stderr: 4 } as const;
export type FrameKind = (typeof frameKinds)[keyof typeof frameKinds];

const headerBytes = 5;
/** Largest payload either side takes. Standard input of a request travels as frames, so nothing needs more. */
export const maxPayloadBytes = 4 * 1024 * 1024;

export interface ControlFrame {
  readonly kind: FrameKind;
  readonly payload: Buffer;
}

/** One end of a control connection. The socket is closed by `close`, or by whatever breaks the rules. */
export class ControlWire {
  readonly #socket: Socket;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  /** How many bytes the frame at hand needs, as far as that is known. */
  #neededBytes = headerBytes;
  #holds = 0;
  #waiting: (() => void)[] = [];

  constructor(socket: Socket) {
    this.#socket = socket;
    // How a connection broke does not matter: `onClose` is told that it is over.
    socket.on('error', () => undefined);
    const goOn = () => {
      for (const resolve of this.#waiting.splice(0)) resolve();
    };
    socket.on('drain', goOn);
    socket.on('close', goOn);
  }

  /** Calls back for every whole frame; a malformed one closes the connection. */
  listen(onFrame: (frame: ControlFrame) => void, onClose: () => void): void {
    this.#socket.on('close', onClose);
    this.#socket.on('data', (chunk: Buffer) => {
      try {
        for (const frame of this.#split(chunk)) onFrame(frame);
      } catch {
        this.#socket.destroy();
      }
    });
  }

  /** Resolves at once while there is room, else when there is again (or nobody is left to read). */
  async send(kind: FrameKind, payload: Uint8Array): Promise<void> {
    if (this.#socket.destroyed || !this.#socket.writable) return;
    const header = Buffer.alloc(headerBytes);
    header.writeUInt32LE(payload.length, 0);
    header.writeUInt8(kind, 4);
    this.#socket.cork();
    this.#socket.write(header);
    const hasRoom = this.#socket.write(payload);
    this.#socket.uncork();
    if (hasRoom) return;
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async sendJson(message: unknown): Promise<void> {
    await this.send(frameKinds.json, Buffer.from(JSON.stringify(message)));
  }

  /** Reads nothing more until every hold was let go. While nothing is read, the other side's end is not noticed either. */
  hold(): void {
    this.#holds += 1;
    this.#socket.pause();
  }

  letGo(): void {
    this.#holds -= 1;
    if (this.#holds === 0) this.#socket.resume();
  }

  /** After what was sent. */
  close(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  *#split(chunk: Buffer): Iterable<ControlFrame> {
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.length;
    while (this.#pendingBytes >= this.#neededBytes) {
      const bytes = this.#joined();
      const length = bytes.readUInt32LE(0);
      const kind = bytes.readUInt8(4);
      if (length > maxPayloadBytes || !isKind(kind)) throw new PaddockError('INTERNAL', 'a malformed control frame');
      this.#neededBytes = headerBytes + length;
      if (bytes.length < this.#neededBytes) return;
      const payload = bytes.subarray(headerBytes, this.#neededBytes);
      this.#pending = [bytes.subarray(this.#neededBytes)];
      this.#pendingBytes = bytes.length - this.#neededBytes;
      this.#neededBytes = headerBytes;
      yield { kind, payload };
    }
  }

  #joined(): Buffer {
    const [only] = this.#pending;
    const bytes = this.#pending.length === 1 && only !== undefined ? only : Buffer.concat(this.#pending);
    this.#pending = [bytes];
    return bytes;
  }
}

function isKind(kind: number): kind is FrameKind {
  return kind >= frameKinds.json && kind <= frameKinds.stderr;
}
