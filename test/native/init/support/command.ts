import { channelSize } from '../../../../src/channel/protocol.js';
import { from, type Peer, to, u16, u32 } from './peer.js';

export const sh = (script: string): readonly string[] => ['sh', '-c', script];

export interface StartOptions {
  readonly timeoutMs?: number;
  readonly graceMs?: number;
  readonly ringBytes?: number;
  /** For both streams, given once; without it credit is given as output comes. */
  readonly credit?: number;
  readonly terminal?: boolean;
  readonly input?: boolean;
  readonly umask?: number;
  readonly rows?: number;
  readonly columns?: number;
  readonly cwd?: string;
  readonly apparmor?: string;
  readonly env?: readonly string[];
  readonly limits?: readonly { readonly resource: number; readonly soft: bigint; readonly hard: bigint }[];
}

export interface Exited {
  readonly how: number;
  readonly status: number;
  readonly cause: number;
  readonly strays: number;
  readonly userUs: number;
  readonly systemUs: number;
  readonly peakBytes: number;
  readonly durationUs: number;
}

function startPayload(argv: readonly string[], options: StartOptions): Buffer {
  const env = options.env ?? ['PATH=/usr/local/bin:/usr/bin:/bin'];
  const limits = options.limits ?? [];
  const credit = options.credit ?? 1_048_576;
  const flags = (options.terminal === true ? 1 : 0) | (options.input === true ? 2 : 0);
  const strings = [options.cwd ?? '/', options.apparmor ?? '', ...argv, ...env];
  return Buffer.concat([
    u32(options.timeoutMs ?? 0, options.graceMs ?? 0, options.ringBytes ?? 0, credit, credit),
    u16(flags, options.umask ?? 0o22, options.rows ?? 24, options.columns ?? 80),
    u32(limits.length, argv.length, env.length),
    ...limits.map(({ resource, soft, hard }) => {
      const bytes = Buffer.alloc(24);
      bytes.writeUInt32LE(resource, 0);
      bytes.writeBigUInt64LE(soft, 8);
      bytes.writeBigUInt64LE(hard, 16);
      return bytes;
    }),
    Buffer.from(strings.map((each) => `${each}\0`).join('')),
  ]);
}

/** A command over a peer: what it has put out so far, and its end. */
export class Command {
  readonly id: number;
  /** That of its START. */
  readonly payload: Buffer;
  private readonly peer: Peer;
  private readonly options: StartOptions;
  private granted = 0;

  constructor(peer: Peer, id: number, argv: readonly string[], options: StartOptions = {}) {
    this.peer = peer;
    this.id = id;
    this.options = options;
    this.payload = startPayload(argv, options);
    peer.send(to.START, id, this.payload);
  }

  /** OUTPUT frames of a stream, in order. */
  chunks(stream = 1): readonly { readonly offset: number; readonly bytes: Buffer }[] {
    return this.peer
      .of(from.OUTPUT, this.id)
      .filter((each) => each.stream === stream)
      .map(({ payload }) => ({ offset: Number(payload.readBigUInt64LE(0)), bytes: payload.subarray(8) }));
  }

  bytes(stream = 1): Buffer {
    return Buffer.concat(this.chunks(stream).map((chunk) => chunk.bytes));
  }

  text(stream = 1): string {
    return this.bytes(stream).toString();
  }

  async started(): Promise<number> {
    return (await this.peer.frame(from.STARTED, this.id)).payload.readUInt32LE(0);
  }

  async failed(): Promise<{ readonly stage: number; readonly errno: number }> {
    const { payload } = await this.peer.frame(from.FAILED, this.id);
    return { stage: payload.readUInt32LE(0), errno: payload.readUInt32LE(4) };
  }

  /** Resolves when the stream has shown something that matches. */
  shows(what: RegExp, stream = 1): Promise<RegExpExecArray> {
    return this.peer.until(() => what.exec(this.text(stream)) ?? undefined);
  }

  async exited(): Promise<Exited> {
    const { payload } = await this.peer.until(() => {
      this.grant();
      return this.peer.of(from.EXITED, this.id)[0];
    });
    const [how = 0, status = 0, cause = 0, strays = 0] = [0, 4, 8, 12].map((at) => payload.readUInt32LE(at));
    const [userUs = 0, systemUs = 0, peakBytes = 0, durationUs = 0] = [16, 24, 32, 40].map((at) =>
      Number(payload.readBigUInt64LE(at)),
    );
    return { how, status, cause, strays, userUs, systemUs, peakBytes, durationUs };
  }

  private grant(): void {
    if (this.options.credit !== undefined) return;
    const come = this.chunks(1).reduce((sum, { bytes }) => sum + bytes.length, 0);
    if (come > this.granted) this.peer.send(to.CREDIT, this.id, u32(come - this.granted), 1);
    this.granted = come;
  }

  signal(signal: number, scope = 0): void {
    this.peer.send(to.SIGNAL, this.id, Buffer.from([signal, scope]));
  }

  end(graceMs: number): void {
    this.peer.send(to.END, this.id, u32(graceMs));
  }

  forget(): void {
    this.peer.send(to.FORGET, this.id);
  }

  /** Standard input, as fast as the window lets it through. */
  async write(input: Uint8Array): Promise<void> {
    const credited = () =>
      this.peer.of(from.CREDIT, this.id).reduce((sum, each) => sum + each.payload.readUInt32LE(0), 0);
    for (let at = 0; at < input.length; ) {
      const bytes = input.subarray(at, at + 65_536);
      const end = at + bytes.length;
      await this.peer.until(() => {
        this.grant();
        return end <= channelSize.INPUT_WINDOW + credited() || undefined;
      });
      this.peer.send(to.INPUT, this.id, bytes);
      at = end;
    }
  }

  endInput(): void {
    this.peer.send(to.INPUT_END, this.id);
  }
}
