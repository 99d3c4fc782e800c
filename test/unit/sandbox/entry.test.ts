import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { CommandPath } from '../../../src/core/exec.js';
import type { Engine } from '../../../src/engine/types.js';
import { systemClock } from '../../../src/kit/clock.js';
import { prepareEntry } from '../../../src/sandbox/entry.js';
import { PipeMaker } from '../../../src/sandbox/pipe-maker.js';

/** An engine whose containers take no input and end their output at once, as where a policy denies them its pipes. */
function silentEngine(): Engine {
  const stdout = new PassThrough();
  stdout.end();
  const streams = { stdin: new PassThrough(), stdout, stderr: new PassThrough(), closed: Promise.resolve() };
  const attachContainer = () =>
    Promise.resolve({ ...streams, [Symbol.asyncDispose]: () => Promise.resolve(void streams.stdin.destroy()) });
  return { attachContainer } as unknown as Engine;
}

const prepare = (path: CommandPath, detached: boolean, folder = '/nowhere/channel') =>
  prepareEntry({
    ...{ path, detached, engine: silentEngine(), clock: systemClock },
    ...{ pipes: new PipeMaker('/nowhere/paddock-init'), folder },
  });

describe('the way in for commands', () => {
  it('over an attach stream that ends at once is refused at once, and names the way that needs none', async () => {
    await using entry = await prepare('attach', false);
    await entry.attach('c');
    const opened = entry.open();
    await expect(opened).rejects.toMatchObject({ code: 'CHANNEL_UNAVAILABLE' });
    await expect(opened).rejects.toHaveProperty('hint', expect.stringContaining('channel = "fifo"'));
  });

  it('over pipes is refused when they cannot be made, and leaves no folder', async () => {
    const parent = await mkdtemp(join(tmpdir(), 'paddock-entry-'));
    try {
      await using entry = await prepare('fifo', false, join(parent, 'channel'));
      expect(entry.binds).toMatchObject([{ source: join(parent, 'channel/io'), readOnly: true }]);
      await expect(entry.prepare()).rejects.toMatchObject({ code: 'STATE_UNWRITABLE' });
      await entry[Symbol.asyncDispose]();
      expect(await readdir(parent)).toEqual([]);
    } finally {
      await rm(parent, { recursive: true });
    }
  });

  it('of a session that outlives us is never an attach stream', async () => {
    await expect(prepare('attach', true)).rejects.toMatchObject({ code: 'CHANNEL_UNAVAILABLE' });
  });
});
