import { describe, expect, it } from 'vitest';
import type { ExecResult, ExitReason } from '../../../../src/core/exec.js';
import { copyIn } from '../../../../src/sandbox/files/copy-in.js';
import { copyOut } from '../../../../src/sandbox/files/copy-out.js';
import type { RunInside } from '../../../../src/sandbox/files/inside.js';
import { Tally } from '../../../../src/sandbox/files/tally.js';
import { endOfArchive, headOf } from '../../../../src/sandbox/files/tar-blocks.js';

const bounds = { entries: 10, bytes: 1000 };
const captured = { text: '', totalBytes: 0, droppedBytes: 0 };

async function all(pieces: AsyncIterable<unknown>): Promise<void> {
  const each = pieces[Symbol.asyncIterator]();
  while ((await each.next()).done !== true);
}

/** A sandbox that says what it likes, takes its input, and then ends; or is ended, if the call is cancelled first. */
function saying(stdout: readonly (string | Buffer)[], exitCode = 0, reason: ExitReason = 'exited'): RunInside {
  return async (_request, { onOutput, stdin, signal }) => {
    for (const piece of stdout) await onOutput?.('stdout', Buffer.from(piece));
    if (stdin !== undefined) await all(stdin.on('error', () => undefined));
    await new Promise((resolve) => setImmediate(resolve));
    const ended: ExitReason = signal?.aborted === true ? 'aborted' : reason;
    const result: ExecResult = {
      ...{ exitCode, reason: ended, stdout: captured, stderr: captured, usage: { durationMs: 1 }, strays: 0 },
    };
    return result;
  };
}

const folder = headOf({ name: '.', kind: 'folder', mode: 0o755, mtimeMs: 0, sizeBytes: 0 });
const out = (run: RunInside, sink: (archive: AsyncIterable<unknown>) => Promise<void> = all) =>
  copyOut(run, '/a', sink, { tally: new Tally(), bounds });

describe('a copy out of a sandbox', () => {
  it('is over when the archive is, however its first line is cut', async () => {
    await expect(out(saying(['o', 'k ', '\n', folder, endOfArchive()]))).resolves.toBeUndefined();
  });

  it.each([
    ['says nothing', [], 0],
    ['says something else', ['hello\n'], 0],
    ['sends no archive', ['ok \n', Buffer.alloc(2000, 7)], 0],
    ['breaks off', ['ok \n', folder.subarray(0, 100)], 0],
    ['fails behind a whole archive', ['ok \n', folder, endOfArchive()], 3],
    ['is of another version', [], 2],
  ] as const)('is not believed when the sandbox %s', async (_, stdout, exitCode) => {
    await expect(out(saying(stdout, exitCode))).rejects.toMatchObject({ code: 'FILES_UNAVAILABLE' });
  });

  it('tells what the kernel inside says, and that the session has ended', async () => {
    await expect(out(saying(['error 2\n'], 71))).rejects.toMatchObject({ code: 'NO_SUCH_FILE' });
    await expect(out(saying(['ok \n', folder], 0, 'session-ended'))).rejects.toMatchObject({ code: 'SESSION_ENDED' });
  });

  it('tells a disk of the host that is full for what it is, and ends the command', async () => {
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), {
      code: 'ENOSPC',
      syscall: 'write',
    });
    const failing = out(saying(['ok \n', folder, endOfArchive()]), () => Promise.reject(full));
    await expect(failing).rejects.toMatchObject({
      code: 'TRANSFER_FAILED',
      message: expect.stringContaining('ENOSPC') as string,
    });
  });
});

describe('a copy into a sandbox', () => {
  const pieces = async function* (error?: Error) {
    yield folder;
    await Promise.resolve();
    if (error !== undefined) throw error;
    yield endOfArchive();
  };
  const put = (run: RunInside, error?: Error, tally = new Tally()) =>
    copyIn(run, '/a', pieces(error), { tally, overwrite: false, top: 'top' });

  it('says what was made, and what was left out, below what was copied', async () => {
    const tally = new Tally();
    const said = ['ok \n', 'left 17 top/a\0left 28 top\0left 99 topping\0more\0made 3 40\0'];
    expect(await put(saying(said), undefined, tally)).toEqual({ entries: 3, bytes: 40 });
    expect(tally.counts()).toMatchObject({
      leftOut: [
        { path: 'a', why: 'exists' },
        { path: '.', why: 'no-room' },
        { path: 'topping', why: 'in-the-way' },
      ],
      moreLeftOut: 1,
    });
  });

  it('is not believed without its end, and fails by what broke on the host', async () => {
    await expect(put(saying(['ok \n']))).rejects.toMatchObject({ code: 'FILES_UNAVAILABLE' });
    await expect(put(saying(['ok \nbroken\0'], 1))).rejects.toMatchObject({ code: 'FILES_UNAVAILABLE' });
    const failing = Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO', syscall: 'read' });
    await expect(put(saying(['ok \nbroken\0'], 1), failing)).rejects.toMatchObject({ code: 'TRANSFER_FAILED' });
  });
});
