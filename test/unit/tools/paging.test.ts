import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { CapturedStream } from '../../../src/kit/captured-stream.js';
import { safeText } from '../../../src/kit/safe-text.js';
import { executeCommand } from '../../../src/tools/execute-command.js';
import { getCommand } from '../../../src/tools/get-command.js';
import { stage } from './support/stage.js';

const maxTextBytes = 8 * 1024;
/** Bytes of each end. */
const lookedAt = 14_000;

async function finishedWith(stdout: Buffer, stderr = Buffer.alloc(0)) {
  const made = stage();
  const { commands, services, context, session } = made;
  const args = { sessionId: session.id, argv: ['x'], background: true };
  const { structured } = await executeCommand.call(services, args, context);
  const commandId = String(structured['commandId']);
  commands[0]?.output.stdout.write(stdout);
  commands[0]?.output.stderr.write(stderr);
  commands[0]?.finish(0);
  await session.get(commandId).settled;
  const read = async (cursor: string) => {
    const page = await getCommand.call(services, { sessionId: session.id, commandId, cursor }, context);
    return {
      ...(page.structured as { stdout: string; stderr: string; cursor: string; more: boolean }),
      text: page.text,
    };
  };
  return { ...made, commandId, read };
}

async function readAll(read: Awaited<ReturnType<typeof finishedWith>>['read']) {
  const all = { stdout: '', stderr: '', pages: 0, mostTextBytes: 0 };
  for (let cursor = '0.0', more = true; more; all.pages += 1) {
    const page = await read(cursor);
    all.stdout += page.stdout;
    all.stderr += page.stderr;
    all.mostTextBytes = Math.max(all.mostTextBytes, Buffer.byteLength(page.text));
    if (page.more && page.cursor === cursor) throw new Error('the cursor stands still');
    ({ cursor, more } = page);
  }
  return all;
}

describe('reading output page by page', () => {
  it('gives back any text, whole characters only, in texts below 8 kB', async () => {
    const text = fc.string({ unit: 'binary', maxLength: 6000 });
    await fc.assert(
      fc.asyncProperty(text, text, async (stdout, stderr) => {
        const { read } = await finishedWith(Buffer.from(stdout), Buffer.from(stderr));
        const all = await readAll(read);
        expect(all.stdout).toBe(safeText(stdout, Number.POSITIVE_INFINITY));
        expect(all.stderr).toBe(safeText(stderr, Number.POSITIVE_INFINITY));
        expect(all.mostTextBytes).toBeLessThan(maxTextBytes);
      }),
      { numRuns: 40 },
    );
  });

  it('loses nothing of output that is nothing but control characters, four-byte characters, or no text', async () => {
    const cases = [
      Buffer.alloc(9000, 0x1b),
      Buffer.from('🦆'.repeat(3000)),
      Buffer.alloc(9000, 0xff),
      Buffer.alloc(9000, 0x80),
    ];
    for (const bytes of cases) {
      const { read } = await finishedWith(bytes, bytes);
      const all = await readAll(read);
      expect(all.stdout).toBe(safeText(bytes.toString('utf8'), Number.POSITIVE_INFINITY));
      expect(all.mostTextBytes).toBeLessThan(maxTextBytes);
    }
  });

  it('says how much is no longer kept, and refuses a cursor beyond the end', async () => {
    const { read } = await finishedWith(Buffer.alloc(1024 * 1024, 'x'));
    const page = await read(`${300 * 1024}.0`);
    expect(page.stdout).toMatch(/^\[… \d+ bytes are no longer kept …\]\n/);
    await expect(read(`${2 * 1024 * 1024}.0`)).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
  });
});

describe('the result of a command', () => {
  it.each([
    ['plain text', 'x'.repeat(50_000)],
    ['four-byte characters', '🦆'.repeat(20_000)],
    ['control characters', '\u001b'.repeat(50_000)],
  ])(
    'of %s stays below 8 kB, keeps whole characters of head and tail, and counts what it leaves out',
    async (_what, text) => {
      const { session, services, context, commandId } = await finishedWith(Buffer.from(text), Buffer.from(text));
      const { stopCommand } = await import('../../../src/tools/stop-command.js');
      const result = await stopCommand.call(services, { sessionId: session.id, commandId }, context);
      expect(Buffer.byteLength(result.text)).toBeLessThan(maxTextBytes);
      const view = result.structured as { stdout: string; stdoutDroppedBytes: number };
      expect(view.stdout).not.toContain('\ufffd');
      const kept = view.stdout.split(/\n\[… \d+ bytes left out; [^\]]+\]\n/);
      expect(kept).toHaveLength(2);
      // Of a long one the ends are made safe, and what lies between is counted as it came.
      const bytes = Buffer.from(text);
      const ends = Buffer.concat([bytes.subarray(0, lookedAt), bytes.subarray(-lookedAt)]).toString();
      const safeBytes = Buffer.byteLength(safeText(ends, Number.POSITIVE_INFINITY)) + bytes.length - 2 * lookedAt;
      expect(Buffer.byteLength(kept.join('')) + view.stdoutDroppedBytes).toBe(safeBytes);
    },
  );

  it.each([20_000, 2 * lookedAt, 2 * lookedAt + 1, 100_000, 300_000])(
    'of %i bytes shows the first and the last of them, and counts the rest',
    async (length) => {
      const bytes = Buffer.from(Array.from({ length }, (_, at) => `${at} `).join('')).subarray(0, length);
      const { session, services, context, commandId } = await finishedWith(bytes);
      const { stopCommand } = await import('../../../src/tools/stop-command.js');
      const { structured } = await stopCommand.call(services, { sessionId: session.id, commandId }, context);
      const view = structured as { stdout: string; stdoutDroppedBytes: number };
      const [first = '', last = ''] = view.stdout.split(/\n\[… \d+ bytes left out; [^\]]+\]\n/);
      expect([first, last].map((part) => part.length)).toEqual([1750, 1750]);
      expect(bytes.toString().startsWith(first)).toBe(true);
      expect(bytes.toString().endsWith(last)).toBe(true);
      expect(view.stdoutDroppedBytes).toBe(length - 3500);
    },
  );

  it('is made of its ends: what lies between is not gone through, by get_command not even these', async () => {
    const { session, services, context, commandId, commands, read } = await finishedWith(Buffer.alloc(200_000, 1));
    const stream = commands[0]?.output.stdout as CapturedStream;
    const whole = vi.spyOn(stream, 'bytes');
    const ends = vi.spyOn(stream, 'ends');
    const { stopCommand } = await import('../../../src/tools/stop-command.js');
    await stopCommand.call(services, { sessionId: session.id, commandId }, context);
    expect(ends.mock.calls).toEqual([[lookedAt]]);
    await read('0.0');
    expect(ends).toHaveBeenCalledTimes(1);
    expect(whole).not.toHaveBeenCalled();
  });
});
