/** An entry of an archive as somebody hostile would write it: nothing need fit anything. */
export interface RawEntry {
  readonly name: Buffer;
  /** `0` file, `1` hard link, `2` link, `3` device, `5` folder, `6` FIFO, `x` and `g` records, `L` a long name, `S` sparse, … */
  readonly type: string;
  readonly target: Buffer;
  readonly mode: number;
  readonly content: Buffer;
  /** What the header says; not what comes. */
  readonly claimedBytes: number;
}

export function rawArchive(entries: readonly RawEntry[], hasEnd: boolean): Buffer {
  const blocks = entries.flatMap((entry) => [header(entry), entry.content, Buffer.alloc(-entry.content.length & 511)]);
  return Buffer.concat([...blocks, Buffer.alloc(hasEnd ? 1024 : 0)]);
}

export function paxRecord(key: string, value: Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from('\n')]);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length += 1;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

function header({ name, type, target, mode, claimedBytes }: RawEntry): Buffer {
  const bytes = Buffer.alloc(512);
  name.copy(bytes, 0, 0, 100);
  bytes.write(`${mode.toString(8).padStart(7, '0')}\0`, 100, 'latin1');
  bytes.write(`${claimedBytes.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  bytes.write(`${'7'.repeat(11)}\0`, 136, 'latin1');
  bytes.write(type, 156, 'latin1');
  target.copy(bytes, 157, 0, 100);
  bytes.write('ustar\x0000', 257, 'latin1');
  bytes.fill(' ', 148, 156);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return bytes;
}
