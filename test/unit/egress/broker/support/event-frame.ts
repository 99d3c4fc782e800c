import { crc32 } from 'node:zlib';

/** A frame of AWS's event stream with one header and a JSON payload. */
export function eventFrame(payload: unknown): Buffer {
  const name = Buffer.from(':event-type');
  const value = Buffer.from('chunk');
  const header = Buffer.concat([Buffer.from([name.length]), name, Buffer.from([7, 0, value.length]), value]);
  const body = Buffer.from(JSON.stringify(payload));
  const prelude = Buffer.alloc(8);
  prelude.writeUInt32BE(16 + header.length + body.length, 0);
  prelude.writeUInt32BE(header.length, 4);
  const start = Buffer.concat([prelude, sum(prelude), header, body]);
  return Buffer.concat([start, sum(start)]);
}

function sum(bytes: Buffer): Buffer {
  const result = Buffer.alloc(4);
  result.writeUInt32BE(crc32(bytes), 0);
  return result;
}
