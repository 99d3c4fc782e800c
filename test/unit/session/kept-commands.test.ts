import { describe, expect, it } from 'vitest';
import type { ExecRequest } from '../../../src/core/exec.js';
import { CommandOutput } from '../../../src/sandbox/command/command-output.js';
import { stage } from '../tools/support/stage.js';

const mib = 1024 ** 2;
const asked: ExecRequest = { argv: ['make'], timeoutMs: 0, outputCapBytes: 8 * mib, outputLimitBytes: 64 * mib };

/** Starts one and ends it when it has printed so much. */
async function ran({ session, commands }: ReturnType<typeof stage>, bytes: number, request: Partial<ExecRequest> = {}) {
  const entry = await session.start({ ...asked, ...request });
  commands.at(-1)?.output.stdout.write(Buffer.alloc(bytes));
  commands.at(-1)?.finish(0);
  await entry.settled;
  return entry.id;
}

const keptOf = ({ session }: ReturnType<typeof stage>) => session.commands.map(({ id }) => id);

describe('the commands of a session that have ended', () => {
  it('are the newest that there is room for: a few large ones push many out, small ones do not', async () => {
    const all = stage();
    const small = [await ran(all, 10), await ran(all, 10)];
    const large: string[] = [];
    for (let count = 0; count < 3; count += 1) large.push(await ran(all, 6 * mib));
    expect(keptOf(all)).toEqual([...small, ...large].slice(-2));
    expect(() => all.session.get(small[0] ?? '')).toThrow(expect.objectContaining({ code: 'NO_SUCH_COMMAND' }));
    for (let count = 0; count < 70; count += 1) await ran(all, 1000);
    expect(keptOf(all)).toHaveLength(64);
  });

  it('count with what they were asked with, and the newest stays whatever it holds', async () => {
    const all = stage();
    const first = await ran(all, 1);
    const stdin = await ran(all, 1, { stdin: 'x'.repeat(8 * mib) });
    expect(keptOf(all)).toEqual([first, stdin]);
    const most = await ran(all, 8 * mib, { stdin: Buffer.alloc(8 * mib), argv: ['make', 'x'.repeat(mib)] });
    expect(keptOf(all)).toEqual([most]);
  });

  it('are forgotten in the order in which they ended, so that one that ran for long can be read on', async () => {
    const all = stage();
    const long = await all.session.start(asked);
    const server = all.commands[0];
    for (let count = 0; count < 64; count += 1) await ran(all, 1);
    server?.finish(0);
    await long.settled;
    expect(keptOf(all)).toHaveLength(64);
    expect(all.session.get(long.id)).toBe(long);
  });

  it('hold their output once, as it came: texts of it are made when they are asked for', () => {
    const output = new CommandOutput(asked, undefined, () => undefined);
    void output.take('stdout', Buffer.from('one'));
    const { stdout } = output.captured();
    expect(stdout).toEqual({ text: 'one', totalBytes: 3, droppedBytes: 0 });
    expect(Object.getOwnPropertyDescriptor(stdout, 'text')).not.toHaveProperty('value');
    expect(JSON.parse(JSON.stringify(stdout))).toEqual({ text: 'one', totalBytes: 3, droppedBytes: 0 });
  });
});

describe('the commands of a session that run', () => {
  it('may not come to hold more than there is room for, those included that are being started', async () => {
    const all = stage();
    const starts = Array.from({ length: 6 }, () => all.session.start({ ...asked }).catch((error: unknown) => error));
    const refused = (await Promise.all(starts)).filter((one) => one instanceof Error);
    expect(refused).toHaveLength(2);
    expect(refused[0]).toMatchObject({ code: 'LIMIT_REACHED', hint: expect.stringMatching(/outputCap/) as string });
    await expect(all.session.start({ ...asked, outputCapBytes: 1024 })).rejects.toMatchObject({
      code: 'LIMIT_REACHED',
    });
    all.commands[0]?.finish(0);
    await all.session.commands[0]?.settled;
    await all.session.start({ ...asked, outputCapBytes: 4 * mib, stdin: 'x'.repeat(8 * mib) });
    await expect(all.session.start({ ...asked, outputCapBytes: 1024 })).rejects.toMatchObject({
      code: 'LIMIT_REACHED',
    });
  });

  it('are as many as before with the usual caps', async () => {
    const all = stage();
    for (let count = 0; count < 64; count += 1) await all.session.start({ ...asked, outputCapBytes: 256 * 1024 });
    await expect(all.session.start({ ...asked, outputCapBytes: 1024 })).rejects.toMatchObject({
      message: expect.stringMatching(/^64 commands run/) as string,
    });
  });
});
