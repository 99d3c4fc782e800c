import type { Extract } from 'tar-stream';
import { untilRoom } from '../../kit/until-room.js';
import type { LeftOut } from './tally.js';

const mostNotesBytes = 1024 ** 2;
const mostFirstBytes = 512;

/** What `--file-pack` says: a first line, then an archive; on the other stream what was left out. All of it bounded. */
export class SplitOutput {
  first = '';
  readonly #archive: Extract;
  #isPast = false;
  readonly #notes: Buffer[] = [];
  #notesBytes = 0;

  constructor(archive: Extract) {
    this.#archive = archive;
  }

  /** Resolves when there is room for more. */
  async take(stream: 'stdout' | 'stderr', chunk: Buffer): Promise<void> {
    if (stream === 'stderr') {
      this.#notesBytes += chunk.length;
      if (this.#notesBytes <= mostNotesBytes) this.#notes.push(Buffer.from(chunk));
      return;
    }
    const content = this.#isPast ? chunk : this.#afterFirst(chunk);
    if (content.length === 0 || this.#archive.destroyed || !this.first.startsWith('ok ')) return;
    if (!this.#archive.write(kept(content))) await untilRoom(this.#archive);
  }

  leftOut(): readonly LeftOut[] {
    return Buffer.concat(this.#notes)
      .toString('utf8')
      .split('\0')
      .flatMap((note) => {
        const found = /^([a-z]{1,16}) (.*)$/s.exec(note);
        if (found === null) return [];
        const [, why = '', path = ''] = found;
        return [{ why, path: path === '' ? 'more' : path.replace(/^\.\//, '').slice(0, 4096) }];
      });
  }

  #afterFirst(chunk: Buffer): Buffer {
    const end = chunk.indexOf('\n');
    const part = end < 0 ? chunk : chunk.subarray(0, end);
    this.first = (this.first + part.toString('latin1')).slice(0, mostFirstBytes);
    this.#isPast = end >= 0;
    return end < 0 ? Buffer.alloc(0) : chunk.subarray(end + 1);
  }
}

/** Bytes that may be kept: a view of few would keep all that came with them. */
function kept(bytes: Buffer): Buffer {
  return bytes.length * 2 >= bytes.buffer.byteLength ? bytes : Buffer.from(bytes);
}
