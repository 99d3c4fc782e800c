import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { boottimeMs } from './compiled.js';

/** Types of frames, as in src/init/protocol.h; written out here, so that this client shares nothing with what it tests. */
export const to = {
  HELLO: 1,
  START: 2,
  INPUT: 3,
  INPUT_END: 4,
  CREDIT: 5,
  SIGNAL: 6,
  END: 7,
  RESIZE: 8,
  FORGET: 9,
  PING: 10,
  LISTEN: 11,
  UNLISTEN: 12,
  CONNECTION_DATA: 13,
  CONNECTION_END: 14,
  CONNECTION_RESET: 15,
  SHUTDOWN: 16,
  DEADLINE: 17,
  PREPARE: 18,
  HOLD: 19,
  DIAL: 20,
} as const;

export const from = {
  HELLO: 0x81,
  STARTED: 0x82,
  FAILED: 0x83,
  OUTPUT: 0x84,
  OUTPUT_END: 0x85,
  CREDIT: 0x86,
  EXITED: 0x87,
  STATE: 0x88,
  PONG: 0x89,
  LISTENING: 0x8a,
  ACCEPTED: 0x8b,
  CONNECTION_DATA: 0x8c,
  CONNECTION_END: 0x8d,
  CONNECTION_RESET: 0x8e,
  BYE: 0x8f,
  DEADLINE: 0x90,
  PREPARED: 0x91,
  DIALLED: 0x92,
} as const;

export interface Frame {
  readonly type: number;
  readonly stream: number;
  readonly id: number;
  readonly payload: Buffer;
}

export function frame(type: number, id = 0, payload: Uint8Array = Buffer.alloc(0), stream = 0): Buffer {
  const bytes = Buffer.alloc(12 + payload.length);
  bytes.writeUInt32LE(payload.length, 0);
  bytes.writeUInt8(type, 4);
  bytes.writeUInt8(stream, 5);
  bytes.writeUInt32LE(id, 8);
  bytes.set(payload, 12);
  return bytes;
}

export function u32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt32LE(value, 4 * i);
  return bytes;
}

export function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

export function u16(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt16LE(value, 2 * i);
  return bytes;
}

export function hello(nonce = Buffer.alloc(16, 7), versions: readonly [number, number] = [1, 1]): Buffer {
  return frame(to.HELLO, 0, Buffer.concat([Buffer.from('PADDOCK\n'), u16(...versions), nonce]));
}

/** One end of the channel: sends frames, keeps what comes, and wakes whoever waits for something in it. */
export class Peer {
  readonly frames: Frame[] = [];
  private readonly waiting = new Set<() => void>();
  private readonly input: Readable;
  private readonly output: Writable;
  private readonly nonce: Buffer | undefined;
  private rest: Buffer = Buffer.alloc(0);
  private ended = false;

  /** With a nonce everything before the HELLO that carries it is dropped. */
  constructor(input: Readable, output: Writable, nonce?: Buffer) {
    this.input = input;
    this.output = output;
    this.nonce = nonce;
    input.on('data', (chunk: Buffer) => this.take(chunk));
    input.on('close', () => this.finish());
    input.on('error', () => this.finish());
    output.on('error', () => undefined);
  }

  private take(chunk: Buffer): void {
    this.rest = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    if (this.nonce !== undefined && this.frames.length === 0) this.skipGarbage(this.nonce);
    if (this.nonce !== undefined && this.frames.length === 0 && this.rest.indexOf(this.nonce) < 0) return;
    while (this.rest.length >= 12 && this.rest.length >= 12 + this.rest.readUInt32LE(0)) {
      const end = 12 + this.rest.readUInt32LE(0);
      const payload = this.rest.subarray(12, end);
      this.frames.push({ type: this.rest[4] ?? 0, stream: this.rest[5] ?? 0, id: this.rest.readUInt32LE(8), payload });
      this.rest = this.rest.subarray(end);
    }
    for (const wake of [...this.waiting]) wake();
  }

  /** What an older conversation left ends where the HELLO that carries our nonce begins. */
  private skipGarbage(nonce: Buffer): void {
    const at = this.rest.indexOf(nonce);
    if (at >= 24) this.rest = this.rest.subarray(at - 24);
  }

  private finish(): void {
    this.ended = true;
    for (const wake of [...this.waiting]) wake();
  }

  send(type: number, id = 0, payload: Uint8Array = Buffer.alloc(0), stream = 0): void {
    this.output.write(frame(type, id, payload, stream));
  }

  raw(bytes: Uint8Array): void {
    this.output.write(bytes);
  }

  of(type: number, id = 0): readonly Frame[] {
    return this.frames.filter((each) => each.type === type && each.id === id);
  }

  /** The first value that `look` finds in what has come or is to come. */
  until<T>(look: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const wake = () => {
        const found = look();
        if (found === undefined && !this.ended) return;
        this.waiting.delete(wake);
        if (found !== undefined) resolve(found);
        else reject(new Error(`the channel ended after ${this.frames.map((each) => each.type.toString(16)).join()}`));
      };
      this.waiting.add(wake);
      wake();
    });
  }

  frame(type: number, id = 0): Promise<Frame> {
    return this.until(() => this.of(type, id)[0]);
  }

  /** The holder goes away. */
  close(): void {
    this.output.destroy();
    this.input.destroy();
  }
}

/** paddock-init with the channel on its standard streams, outside a container: it is a subreaper then. */
export class NativeInit implements Disposable {
  readonly peer: Peer;
  readonly ended: Promise<number | null>;
  private readonly child: ChildProcess;

  /** `before`: what stands before its own arguments, where the program is one that runs it. */
  constructor(
    program: string,
    args: readonly string[] = [],
    deadlineMs = boottimeMs() + 60_000,
    before: readonly string[] = [],
  ) {
    const options = [...before, '--deadline-boottime-ms', String(deadlineMs), '--channel', 'stdio', ...args];
    // Its own environment is what commands start from: none here.
    const child = spawn(program, options, { stdio: ['pipe', 'pipe', 'inherit'], env: {} });
    this.child = child;
    this.ended = once(child, 'exit').then(([code]) => code as number | null);
    this.peer = new Peer(child.stdout, child.stdin);
  }

  get pid(): number {
    return Number(this.child.pid);
  }

  async greeted(): Promise<Peer> {
    this.peer.raw(hello());
    await this.peer.frame(from.HELLO);
    return this.peer;
  }

  [Symbol.dispose](): void {
    this.peer.close();
    this.child.kill('SIGKILL');
  }
}
