/** Frames of process 1 as bytes, written by hand from docs/channel.md so that no code under test is used. */
export const frame = (type: number, id: number, payload: Buffer = Buffer.alloc(0), stream = 0, zero = 0): Buffer => {
  const header = Buffer.alloc(12);
  header.writeUInt32LE(payload.length, 0);
  header[4] = type;
  header[5] = stream;
  header.writeUInt16LE(zero, 6);
  header.writeUInt32LE(id, 8);
  return Buffer.concat([header, payload]);
};

export const u16 = (...values: number[]): Buffer => Buffer.concat(values.map((v) => Buffer.from([v & 255, v >> 8])));

export const u32 = (...values: number[]): Buffer => {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt32LE(value, 4 * i);
  return bytes;
};

export const u64 = (...values: (number | bigint)[]): Buffer => {
  const bytes = Buffer.alloc(8 * values.length);
  for (const [i, value] of values.entries()) bytes.writeBigUInt64LE(BigInt(value), 8 * i);
  return bytes;
};

export interface HelloFields {
  readonly magic?: string;
  readonly version?: number;
  readonly flags?: number;
  readonly commands?: number;
  readonly text?: string;
}

export const hello = (nonce: Buffer, fields: HelloFields = {}): Buffer => {
  const { magic = 'PADDOCK\n', version = 1, flags = 2, commands = 0, text = '0.1.0' } = fields;
  const parts = [Buffer.from(magic), u16(version, flags), nonce, u32(commands), Buffer.from(text)];
  return frame(0x81, 0, Buffer.concat(parts));
};

export const started = (id: number, pid = 7): Buffer => frame(0x82, id, u32(pid));
export const prepared = (id: number, pid = 7): Buffer => frame(0x91, id, u32(pid));
export const failed = (id: number, stage = 8, errno = 2): Buffer => frame(0x83, id, u32(stage, errno));
export const output = (id: number, stream: number, offset: number | bigint, data: Buffer | string): Buffer =>
  frame(0x84, id, Buffer.concat([u64(offset), Buffer.from(data)]), stream);
export const outputEnd = (id: number, stream: number, length: number | bigint): Buffer =>
  frame(0x85, id, u64(length), stream);
export const credit = (id: number, bytes: number): Buffer => frame(0x86, id, u32(bytes));

export interface ExitFields {
  readonly how?: number;
  readonly status?: number;
  readonly cause?: number;
  readonly strays?: number;
  readonly numbers?: readonly (number | bigint)[];
}

export const exited = (id: number, fields: ExitFields = {}): Buffer => {
  const { how = 0, status = 0, cause = 0, strays = 0, numbers = [1000, 2000, 4096, 5000] } = fields;
  return frame(0x87, id, Buffer.concat([u32(how, status, cause, strays), u64(...numbers)]));
};

/** Both ends of the output, and the exit. */
export const finished = (id: number, fields?: ExitFields, lengths: readonly number[] = [0, 0]): Buffer =>
  Buffer.concat([outputEnd(id, 1, lengths[0] ?? 0), outputEnd(id, 2, lengths[1] ?? 0), exited(id, fields)]);

export const state = (id: number, phase = 0, pid = 7, numbers: readonly (number | bigint)[] = [1000, 0, 0]): Buffer =>
  frame(0x88, id, Buffer.concat([u32(phase, pid), u64(...numbers)]));
export const pong = (payload: Buffer): Buffer => frame(0x89, 0, payload);
export const listening = (id: number, errno: number, port: number): Buffer =>
  frame(0x8a, id, Buffer.concat([u32(errno), u16(port)]));
export const accepted = (id: number, listener: number): Buffer => frame(0x8b, id, u32(listener));
export const dialled = (id: number, errno: number, connection = 0): Buffer => frame(0x92, id, u32(errno, connection));
export const connectionData = (id: number, data: Buffer | string): Buffer => frame(0x8c, id, Buffer.from(data));
export const connectionEnd = (id: number): Buffer => frame(0x8d, id);
export const connectionReset = (id: number): Buffer => frame(0x8e, id);
export const bye = (why: number, text = ''): Buffer => frame(0x8f, 0, Buffer.concat([u32(why), Buffer.from(text)]));

export const deadline = (boottimeMs: number | bigint): Buffer => frame(0x90, 0, u64(boottimeMs));

/** The id of the `n`th connection. */
export const connectionId = (n: number): number => 2 ** 31 + n;
