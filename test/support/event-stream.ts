import { crc32 } from 'node:zlib';

/** A frame of AWS's event stream: total length, length of the headers, CRC of both; headers (all of type 7, string); payload; CRC of everything before. */
export function eventStreamFrame(headers: Readonly<Record<string, string>>, payload: Uint8Array): Buffer {
  const fields = Object.entries(headers).map(([name, value]) => {
    const size = Buffer.alloc(2);
    size.writeUInt16BE(Buffer.byteLength(value));
    return Buffer.concat([Buffer.from([name.length]), Buffer.from(name), Buffer.from([7]), size, Buffer.from(value)]);
  });
  const head = Buffer.concat(fields);
  const prelude = Buffer.alloc(8);
  prelude.writeUInt32BE(16 + head.length + payload.length, 0);
  prelude.writeUInt32BE(head.length, 4);
  const whole = Buffer.concat([prelude, checksum(prelude), head, payload]);
  return Buffer.concat([whole, checksum(whole)]);
}

function checksum(bytes: Uint8Array): Uint8Array {
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(bytes));
  return sum;
}
