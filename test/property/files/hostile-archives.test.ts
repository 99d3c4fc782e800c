import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { extract } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { OpenFolder } from '../../../src/kit/open-folder.js';
import { sift, siftStream } from '../../../src/sandbox/files/sift.js';
import { takeOut } from '../../../src/sandbox/files/take-out.js';
import { Tally } from '../../../src/sandbox/files/tally.js';
import { paxRecord, type RawEntry, rawArchive } from './support/raw-archive.js';

const part = fc.constantFrom(
  'a',
  'A',
  'b',
  'sub',
  '..',
  '.',
  '',
  'é',
  'e\u0301',
  'kept',
  'out',
  '\x1b[2J',
  '\u202e',
  'x'.repeat(99),
);
const path = fc.oneof(
  { weight: 8, arbitrary: fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => Buffer.from(parts.join('/'))) },
  { weight: 1, arbitrary: fc.constantFrom('/etc/passwd', '/', './', '../../x', 'a/').map((text) => Buffer.from(text)) },
  { weight: 1, arbitrary: fc.constant(Buffer.from([0x61, 0xff, 0xfe])) },
);
const content = fc.constantFrom(0, 1, 511, 512, 5000).map((length) => Buffer.alloc(length, 'c'));
const records = fc
  .tuple(
    fc.constantFrom('path', 'linkpath', 'size', 'GNU.sparse.major', '__proto__', 'mtime'),
    fc.oneof(
      path,
      fc.constantFrom('-1', '99999999999999', 'NaN').map((text) => Buffer.from(text)),
    ),
  )
  .map(([key, value]) => paxRecord(key, value));
const entry: fc.Arbitrary<RawEntry> = fc
  .record({
    name: path,
    type: fc.constantFrom('0', '0', '0', '5', '5', '2', '2', '1', '3', '6', 'S', 'L', 'K', 'x', 'g', '\0', 'Z'),
    target: path,
    mode: fc.constantFrom(0, 0o644, 0o4755, 0o6777, 0o7777),
    body: fc.oneof(content, records),
    lie: fc.constantFrom(0, 0, 0, 0, 0, 0, 1, -1, 512, 8 ** 10),
  })
  .map(({ body, lie, type, ...rest }) => {
    const own = ['0', '\0', 'x', 'g', 'L', 'K', 'S'].includes(type) ? body : Buffer.alloc(0);
    return { ...rest, type, content: own, claimedBytes: Math.max(0, own.length + lie) };
  });
const archive = fc
  .record({
    entries: fc.array(entry, { maxLength: 12 }),
    hasEnd: fc.boolean(),
    cut: fc.nat(4000),
    isCut: fc.boolean(),
    flips: fc.array(fc.nat(20_000), { maxLength: 2 }),
  })
  .map(({ entries, hasEnd, cut, isCut, flips }) => {
    const bytes = rawArchive(entries, hasEnd);
    for (const at of flips) if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ 0x55;
    return isCut ? bytes.subarray(0, Math.max(0, bytes.length - cut)) : bytes;
  });
const bounds = { entries: 10, bytes: 12_000 };
const judge = { place: () => undefined, concerns: () => false, content: () => undefined };

/** A folder to copy into, beside one that must stay as it is, with a link of the host's own that leads there. */
class Place implements Disposable {
  readonly top = realpathSync(mkdtempSync(join(tmpdir(), 'paddock-hostile-')));
  readonly to = join(this.top, 'to');

  constructor() {
    mkdirSync(join(this.top, 'outside'));
    writeFileSync(join(this.top, 'outside/kept'), 'mine');
    mkdirSync(this.to);
    symlinkSync('../outside', join(this.to, 'out'));
    writeFileSync(join(this.to, 'kept'), 'mine');
  }

  [Symbol.dispose](): void {
    rmSync(this.top, { recursive: true, force: true });
  }
}

function expectHarmless(place: Place, folder: string): void {
  for (const name of readdirSync(folder)) {
    const at = join(folder, name);
    const status = lstatSync(at);
    expect(name).not.toMatch(/^\.paddock-|[\p{Cc}\p{Cf}\ufffd]/u);
    expect(status.isFile() || status.isDirectory() || status.isSymbolicLink()).toBe(true);
    if (status.isSymbolicLink() && name !== 'out') expect(leadsWithin(at, place.to)).toBe(true);
    if (!status.isSymbolicLink()) expect(status.mode & 0o7022).toBe(0);
    if (status.isDirectory()) expectHarmless(place, at);
  }
}

/** As the kernel follows it, where it leads anywhere; a link of the host's own on the way is the host's. */
function leadsWithin(link: string, folder: string): boolean {
  try {
    const real = realpathSync(link);
    return real === folder || real.startsWith(`${folder}/`) || real.startsWith(join(folder, '../outside'));
  } catch {
    return true;
  }
}

function fed(bytes: Buffer) {
  const parser = extract();
  parser.on('error', () => undefined);
  parser.write(bytes);
  parser.end(undefined);
  return parser;
}

describe('an archive made to harm', () => {
  it('harms nothing beside the folder that it is taken into, and leaves no half of anything there', {
    timeout: 120_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(archive, fc.boolean(), async (bytes, overwrite) => {
        using place = new Place();
        await using folder = await OpenFolder.at(place.to);
        const tally = new Tally();
        await takeOut(fed(bytes), { folder, name: undefined, overwrite, judge }, tally, bounds).catch(
          (error: unknown) => expect(error).toBeInstanceOf(Error),
        );
        expect(readdirSync(place.top).sort()).toEqual(['outside', 'to']);
        expect(readdirSync(join(place.top, 'outside'))).toEqual(['kept']);
        expect(readFileSync(join(place.top, 'outside/kept'), 'utf8')).toBe('mine');
        if (!overwrite) expect(readFileSync(join(place.to, 'kept'), 'utf8')).toBe('mine');
        expect(tally.entries).toBeLessThanOrEqual(bounds.entries);
        expect(tally.bytes).toBeLessThanOrEqual(bounds.bytes);
        expectHarmless(place, place.to);
      }),
      { numRuns: 300 },
    );
  });

  it('comes out as one that is plain, or as none', { timeout: 120_000 }, async () => {
    const half = async function* (bytes: Buffer) {
      yield bytes.subarray(0, bytes.length / 2);
      await Promise.resolve();
      yield bytes.subarray(bytes.length / 2);
    };
    await fc.assert(
      fc.asyncProperty(archive, async (bytes) => {
        const pieces: Buffer[] = [];
        try {
          for await (const piece of siftStream(half(bytes), new Tally(), bounds)) pieces.push(piece);
        } catch (error) {
          expect(error).toMatchObject({ code: 'BAD_ARGUMENT' });
          return;
        }
        // What is plain stays as it is, and nothing of it is left out.
        const again: Buffer[] = [];
        const tally = new Tally();
        for await (const piece of sift(fed(Buffer.concat(pieces)), undefined, tally, bounds)) again.push(piece);
        expect(tally.counts().leftOut).toEqual([]);
        expect(Buffer.concat(again).equals(Buffer.concat(pieces))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
