import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import type { ExecRequest, ExecResult, ExitReason } from '../../../../src/core/exec.js';
import { askInside, type RunInside } from '../../../../src/sandbox/files/inside.js';
import { listInside, parseListing } from '../../../../src/sandbox/files/list-inside.js';
import { readInside } from '../../../../src/sandbox/files/read-inside.js';
import { writeInside } from '../../../../src/sandbox/files/write-inside.js';
import { AtOnce } from '../../support/at-once.js';

interface Said {
  readonly stdout?: string | Buffer;
  readonly exitCode?: number;
  readonly reason?: ExitReason;
  readonly seen?: ExecRequest[];
}

/** A sandbox that says what it likes. */
function saying({ stdout = '', exitCode = 0, reason = 'exited', seen }: Said): RunInside {
  return async (request, options) => {
    seen?.push(request);
    for (const byte of [Buffer.from(stdout)]) await options.onOutput?.('stdout', byte);
    const captured = { text: '', totalBytes: 0, droppedBytes: 0 };
    const result: ExecResult = {
      ...{ exitCode, reason, stdout: captured, stderr: captured, usage: { durationMs: 1 }, strays: 0 },
    };
    return result;
  };
}

const range = { offset: 0, mostBytes: 100 };
const file = 'ok f 644 3 1700000000.000000000 0\nabc';

describe('what a sandbox says of its files', () => {
  it('is read, and the path goes in as one argument', async () => {
    const seen: ExecRequest[] = [];
    const part = await readInside(saying({ stdout: file, seen }), '/a; b', range);
    expect(part).toMatchObject({ status: { type: 'file', mode: 0o644, sizeBytes: 3 }, offset: 0 });
    expect(part.bytes.toString()).toBe('abc');
    expect(seen[0]?.argv).toEqual(['/.paddock/init', '--file-read', '/a; b', 'bytes', '0', '100']);
    expect(seen[0]?.cwd).toBe('/');
  });

  it.each([
    ['ENOENT', 'NO_SUCH_FILE'],
    ['EACCES', 'FILE_REFUSED'],
    ['EROFS', 'FILE_REFUSED'],
    ['EISDIR', 'FILE_KIND'],
    ['EEXIST', 'FILE_EXISTS'],
    ['ENOSPC', 'LIMIT_REACHED'],
    ['ELOOP', 'BAD_ARGUMENT'],
    ['EIO', 'FILES_UNAVAILABLE'],
  ] as const)('%s becomes %s, with the path and what to do', async (name, code) => {
    const run = saying({ stdout: `error ${constants.errno[name]}\n`, exitCode: 71 });
    const refused = await readInside(run, 'the\u202epath', range).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code, message: expect.stringContaining('the\\u{202e}path') as string });
  });

  it.each([
    ['nothing at all', { stdout: '' }],
    ['no first line', { stdout: 'x'.repeat(600) }],
    ['more than was asked for', { stdout: `ok f 644 3 1.000000000 0\n${'x'.repeat(101)}` }],
    ['far more than was asked for', { stdout: `ok f 644 3 1.000000000 0\n${'x'.repeat(5000)}` }],
    ['numbers that are none', { stdout: 'ok f 999 3 1.000000000 0\nabc' }],
    ['an offset that is none', { stdout: 'ok f 644 3 1.000000000 99999999999999999999\nabc' }],
    ['the program is missing', { exitCode: 127 }],
    ['the program is of another version', { exitCode: 2 }],
    ['it was ended', { reason: 'lost', stdout: file }],
    ['it took too long', { reason: 'timeout', stdout: file }],
  ] satisfies readonly (readonly [string, Said])[])(
    'is refused when it is not what was asked for: %s',
    async (_, said) => {
      await expect(readInside(saying(said), '/a', range)).rejects.toMatchObject({ code: 'FILES_UNAVAILABLE' });
    },
  );

  it('tells a session that ended, a full disk and a cancelled call apart', async () => {
    for (const [reason, code] of [
      ['session-ended', 'SESSION_ENDED'],
      ['disk-limit', 'LIMIT_REACHED'],
      ['aborted', 'INTERRUPTED'],
    ] as const) {
      const asked = askInside(saying({ reason }), { path: '/a', argv: [], mostBytes: 1 });
      await expect(asked).rejects.toMatchObject({ code });
    }
  });

  it('names a folder for what it is', async () => {
    const run = saying({ stdout: 'ok d 755 4096 1.000000000 0\n' });
    await expect(readInside(run, '/a', range)).rejects.toMatchObject({ code: 'FILE_KIND' });
    const list = saying({ stdout: file });
    await expect(listInside(list, '/a', 1)).rejects.toMatchObject({ code: 'FILE_KIND' });
  });

  it('says when only a part of what is to be written arrived', async () => {
    const run = saying({ stdout: 'short 2\n', exitCode: 1 });
    const write = writeInside(run, '/a', Buffer.from('abc'), { parents: false, overwrite: true });
    await expect(write).rejects.toMatchObject({
      code: 'FILES_UNAVAILABLE',
      message: expect.stringContaining('2') as string,
    });
  });

  it('believes no other size than the one that was written', async () => {
    const run = saying({ stdout: 'ok created f 644 2 1.000000000 \n' });
    const write = writeInside(run, '/a', Buffer.from('abc'), { parents: false, overwrite: true });
    await expect(write).rejects.toMatchObject({ code: 'FILES_UNAVAILABLE' });
  });
});

describe('a listing', () => {
  const one = (path: string, rest = 'f 644 3 1.000000000 0') => `${rest} ${path}\0\0`;

  it('comes sorted by bytes, with names that are no text as they are', async () => {
    const body = Buffer.concat([
      Buffer.from(one('b')),
      Buffer.from('f 644 3 1.000000000 0 \xff\0\0', 'latin1'),
      Buffer.from('l 777 1 1.000000000 0 a\0../x\0d 0 0 1.000000000 13 c d\0\0e all\0\0'),
    ]);
    const { files, isCut } = (await parseListing(body)) ?? { files: [], isCut: true };
    expect(files.map(({ path }) => path.toString('latin1'))).toEqual(['a', 'b', 'c d', '\xff']);
    expect(files[0]).toMatchObject({ type: 'link', target: Buffer.from('../x') });
    expect(files[2]).toMatchObject({ type: 'folder', isClosed: true });
    expect(isCut).toBe(false);
  });

  it('is read a few entries at once, so that others have their turns', async () => {
    const count = 2000;
    const body = Buffer.from(`${Array.from({ length: count }, (_, at) => one(`f${at}`)).join('')}e all\0\0`);
    const seen = new AtOnce();
    expect((await seen.during(() => parseListing(body)))?.files).toHaveLength(count);
    expect(seen.turns).toBeGreaterThan(count / 10);
  });

  it.each(['', one('a'), 'e all\0', `${one('a')}e all\0\0x\0\0`, 'f 644 3 1.0 0 a\0\0e all\0\0', 'x\0\0e all\0\0'])(
    'that is not one is refused: %j',
    async (text) => {
      expect(await parseListing(Buffer.from(text))).toBeUndefined();
    },
  );
});
