import { Turns } from '../../kit/turns.js';
import type { CutReason } from './change.js';
import type { EntryFacts } from './stamp.js';

/** One entry of a layer, as `paddock-init --layer` tells of it (src/init/layer.h). */
export interface UpperEntry {
  readonly name: Buffer;
  readonly facts: EntryFacts;
  /** Stands for something of the project that is gone. */
  readonly isWhiteout: boolean;
  /** Of a folder: nothing shows through it. */
  readonly isOpaque: boolean;
  /** Where a link leads; empty for what is none. */
  readonly target: Buffer;
  /** Of a folder. */
  readonly children: UpperEntry[];
  /** Of a folder: why `children` may not be all. */
  cut: CutReason | undefined;
}

const fieldsOfEntry = 10;
const nothing = Buffer.alloc(0);
const tooDeep = -1;
const tooMany = -2;

/** Reads what `paddock-init --layer` wrote; others go on meanwhile. Errors: an Error where it breaks off or is anything else, those of the signal. */
export async function parseUpper(bytes: Buffer, signal?: AbortSignal): Promise<UpperEntry> {
  const turns = new Turns(signal);
  const open: UpperEntry[] = [];
  let top: UpperEntry | undefined;
  let at = 0;
  // Not one more thing for each entry than needed: where there are many, most of the time would go into looking which are still in use.
  const endOfField = () => {
    const end = bytes.indexOf(0, at);
    if (end < 0) throw new Error('it broke off');
    return end;
  };
  const field = () => {
    const [start, end] = [at, endOfField()];
    at = end + 1;
    return start === end ? nothing : bytes.subarray(start, end);
  };
  while (at < bytes.length) {
    if (turns.isDue) await turns.give();
    const headEnd = endOfField();
    const [type = '', ...fields] = bytes.toString('latin1', at, headEnd).split(' ');
    at = headEnd + 1;
    const [name, target] = [field(), field()];
    if (type === 'e') {
      const folder = open.pop();
      if (folder === undefined) throw new Error('a folder ended that had not begun');
      folder.cut = cutOf(Number(fields[0]));
      continue;
    }
    const entry = entryFrom(type, fields, name, target);
    const folder = open.at(-1);
    if (folder !== undefined) folder.children.push(entry);
    else if (top === undefined) top = entry;
    else throw new Error('something lies beside the top');
    if (type === 'd') open.push(entry);
  }
  if (top === undefined || open.length > 0) throw new Error('it broke off');
  return top;
}

function entryFrom(type: string, fields: readonly string[], name: Buffer, target: Buffer): UpperEntry {
  if (fields.length !== fieldsOfEntry - 1 || !'dflwo'.includes(type)) throw new Error('it told of no entry');
  const [opaque = 0n, mode = 0n, size = 0n, dev = 0n, ino = 0n, mtime = 0n, mtimeNs = 0n, ctime = 0n, ctimeNs = 0n] =
    fields.map(BigInt);
  return {
    ...{ name, target, isWhiteout: type === 'w', isOpaque: opaque === 1n, children: [], cut: undefined },
    facts: {
      ...{ mode, size, dev, ino },
      mtimeNs: mtime * 1_000_000_000n + mtimeNs,
      ctimeNs: ctime * 1_000_000_000n + ctimeNs,
    },
  };
}

function cutOf(why: number): CutReason | undefined {
  if (why === 0) return undefined;
  if (why === tooDeep) return 'depth';
  return why === tooMany ? 'entries' : 'unreadable';
}
