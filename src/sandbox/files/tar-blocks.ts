/** What an entry of an archive says of itself, besides its content. */
export interface EntryHead {
  /** A plain relative path; no trailing slash. */
  readonly name: string;
  readonly kind: 'file' | 'folder' | 'link';
  /** Permission bits. */
  readonly mode: number;
  readonly mtimeMs: number;
  /** Of a file: exactly as many bytes follow. */
  readonly sizeBytes: number;
  /** Of a link. */
  readonly target?: string;
}

export const blockBytes = 512;
const nameBytes = 100;
const flags = { file: '0', folder: '5', link: '2' } as const;
/** What eleven octal digits hold. */
const mostOctal = 8 ** 11 - 1;

/** Plain tar: a ustar header, and before it pax records for names that do not fit one. Owner and group are root, which nobody goes by. */
export function headOf({ name, kind, mode, mtimeMs, sizeBytes, target = '' }: EntryHead): Buffer {
  const records = [
    ...(Buffer.byteLength(name) > nameBytes ? [record('path', name)] : []),
    ...(Buffer.byteLength(target) > nameBytes ? [record('linkpath', target)] : []),
  ];
  const facts = { mode, mtime: Math.floor(mtimeMs / 1000), flag: flags[kind], size: sizeBytes };
  const own = block({ ...facts, name, target });
  if (records.length === 0) return own;
  const content = Buffer.concat(records);
  const before = block({ name: 'pax', target: '', mode: 0o644, mtime: 0, flag: 'x', size: content.length });
  return Buffer.concat([before, content, paddingAfter(content.length), own]);
}

/** What fills the last block of a content of that length. */
export function paddingAfter(sizeBytes: number): Buffer {
  return Buffer.alloc((blockBytes - (sizeBytes % blockBytes)) % blockBytes);
}

export function endOfArchive(): Buffer {
  return Buffer.alloc(2 * blockBytes);
}

interface Fields {
  readonly name: string;
  readonly target: string;
  readonly mode: number;
  readonly mtime: number;
  readonly flag: string;
  readonly size: number;
}

function block({ name, target, mode, mtime, flag, size }: Fields): Buffer {
  const bytes = Buffer.alloc(blockBytes);
  Buffer.from(name).copy(bytes, 0, 0, nameBytes);
  putOctal(bytes, 100, 8, mode & 0o777);
  putOctal(bytes, 108, 8, 0);
  putOctal(bytes, 116, 8, 0);
  putOctal(bytes, 124, 12, size);
  putOctal(bytes, 136, 12, mtime);
  bytes.write(flag, 156, 'latin1');
  Buffer.from(target).copy(bytes, 157, 0, nameBytes);
  bytes.write('ustar\0' + '00', 257, 'latin1');
  bytes.fill(' ', 148, 156);
  let sum = 0;
  for (const byte of bytes) sum += byte;
  putOctal(bytes, 148, 7, sum);
  return bytes;
}

function putOctal(into: Buffer, at: number, length: number, number: number): void {
  const kept = Number.isFinite(number) ? Math.min(Math.max(number, 0), mostOctal) : 0;
  into.write(`${kept.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1');
}

/** `LENGTH KEY=VALUE\n`, where LENGTH counts its own digits as well. */
function record(key: string, value: string): Buffer {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + String(rest).length;
  if (rest + String(length).length !== length) length += 1;
  return Buffer.from(`${length} ${key}=${value}\n`);
}
