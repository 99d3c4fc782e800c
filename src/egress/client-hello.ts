/** `serverName`: as it was sent, if it was; only printable ASCII. */
export type HelloReading =
  | { readonly kind: 'more' }
  | { readonly kind: 'hello'; readonly serverName?: string }
  | { readonly kind: 'bad'; readonly problem: string };

/** Of a whole hello with its record headers. Those with post-quantum keys and long tickets stay below 4 KiB. */
export const mostHelloBytes = 16 * 1024;
/** Clients cut it into a handful at most; each is looked at again with every segment that comes. */
const mostRecords = 64;
const handshakeRecord = 0x16;
const clientHello = 1;
const serverNameExtension = 0;
const hostNameType = 0;

class Malformed extends Error {}

/** Reads forward within bounds; anything beyond them is malformed. */
class Cursor {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  take(count: number): Buffer {
    if (count > this.#bytes.length - this.#at) throw new Malformed('a length in it is wrong');
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  number(width: 1 | 2 | 3): number {
    return this.take(width).readUIntBE(0, width);
  }

  /** Behind its length. */
  vector(width: 1 | 2): Buffer {
    return this.take(this.number(width));
  }
}

/**
 * Reads the first message of a TLS connection, which may come in several records, for the host it names. Strict: bytes behind a list, a
 * second name and a second list are malformed, since a server could read another name there than this does.
 */
export function readClientHello(bytes: Buffer): HelloReading {
  try {
    const message = gather(bytes);
    if (message === undefined) return { kind: 'more' };
    const serverName = nameIn(message);
    return serverName === undefined ? { kind: 'hello' } : { kind: 'hello', serverName };
  } catch (error) {
    if (error instanceof Malformed) return { kind: 'bad', problem: error.message };
    throw error;
  }
}

/** The body of the hello out of its records; undefined until it is whole. */
function gather(bytes: Buffer): Buffer | undefined {
  const message = Buffer.alloc(bytes.length);
  let have = 0;
  for (let [at, count] = [0, 1]; bytes.length - at >= 5; count += 1) {
    if (count > mostRecords) throw new Malformed('it is in too many records');
    const length = bytes.readUInt16BE(at + 3);
    if (bytes[at] !== handshakeRecord || bytes[at + 1] !== 3) throw new Malformed('it is no TLS handshake');
    if (length === 0 || length > mostHelloBytes) throw new Malformed('a record is empty or too long');
    const part = bytes.subarray(at + 5, at + 5 + length);
    have += part.copy(message, have);
    at += 5 + length;
    if (have > 0 && message[0] !== clientHello) throw new Malformed('it is no ClientHello');
    if (have < 4) continue;
    const wanted = 4 + message.readUIntBE(1, 3);
    if (wanted > mostHelloBytes) throw new Malformed('it is too long');
    if (have > wanted || (have === wanted && part.length < length))
      throw new Malformed('something follows in its record');
    if (have === wanted) return message.subarray(4, have);
  }
  return undefined;
}

function nameIn(message: Buffer): string | undefined {
  const body = new Cursor(message);
  body.take(2 + 32);
  if (body.vector(1).length > 32) throw new Malformed('its session id is too long');
  body.vector(2);
  body.vector(1);
  if (body.isAtEnd()) return undefined;
  const extensions = new Cursor(body.vector(2));
  if (!body.isAtEnd()) throw new Malformed('something follows its extensions');
  let found: string | undefined;
  while (!extensions.isAtEnd()) {
    const type = extensions.number(2);
    const data = extensions.vector(2);
    if (type !== serverNameExtension) continue;
    if (found !== undefined) throw new Malformed('it names a server twice');
    found = hostName(data);
  }
  return found;
}

function hostName(data: Buffer): string {
  const extension = new Cursor(data);
  const list = new Cursor(extension.vector(2));
  const type = list.number(1);
  const name = list.vector(2);
  if (!extension.isAtEnd() || !list.isAtEnd() || type !== hostNameType)
    throw new Malformed('its server name is malformed');
  if (name.length === 0 || name.some((byte) => byte <= 0x20 || byte >= 0x7f)) {
    throw new Malformed('its server name holds what no name does');
  }
  return name.toString('latin1');
}
