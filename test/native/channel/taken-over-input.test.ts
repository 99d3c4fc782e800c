import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openChannel } from '../../../src/channel/channel.js';
import { channelSize } from '../../../src/channel/protocol.js';
import { takeOverChannel } from '../../../src/channel/take-over.js';
import type { Channel } from '../../../src/channel/types.js';
import { systemClock } from '../../../src/kit/clock.js';
import { Kept } from '../../unit/channel/support/rig.js';
import { builtInit } from '../init/support/compiled.js';
import { type Started, shell, startInit } from './support/real-init.js';

const window = channelSize.INPUT_WINDOW;
/** What a pipe takes before whoever writes to it has to wait: so much of the input is out of the ring though nobody has read it. */
const pipeBytes = 65_536;
const usr1 = 10;

let program: string;
beforeAll(() => {
  program = builtInit();
}, 60_000);

/** Reads nothing before it is told to, and then all; into a file, since the ring of an output drops what nobody takes in time. */
const waits = (file: string) =>
  `trap "g=1" USR1; echo ready; while [ -z "$g" ]; do sleep 0.02; done; exec cat >${file}`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'paddock-input-'));
});
afterEach(() => rmSync(folder, { recursive: true }));
const file = () => join(folder, 'input');

/** A detached process 1 whose first holder has given that much to a command that reads nothing, and has gone. */
async function left(init: Started, input: Buffer, isWhole = true): Promise<number> {
  const first = await openChannel(init.link, { clock: systemClock });
  const kept = new Kept();
  const run = await first.start(shell(waits(file()), { stdin: true }), kept);
  run.exited.catch(() => undefined);
  while (!kept.text('stdout').includes('ready')) await systemClock.sleep(5);
  const written = run.write(input);
  written.catch(() => undefined);
  if (isWhole) await written;
  // All of it has been taken from the pipe by then.
  if (isWhole) await first.ping();
  await first[Symbol.asyncDispose]();
  return run.id;
}

/** Resolves with all that it has read, once it was told to read and the input has ended. */
async function readBy(channel: Channel, id: number, more: Buffer): Promise<Buffer> {
  const run = channel.attach(id, new Kept());
  const written = run.write(more);
  // What comes behind a full ring waits, and none of it is more than process 1 allows: it would end the channel.
  await channel.ping();
  run.signal(usr1, 'leader');
  await written;
  run.endInput();
  expect(await run.exited).toMatchObject({ how: 'exited', status: 0 });
  return readFileSync(file());
}

describe('input that waits inside when the holder goes', () => {
  it.each([
    { how: 'the whole window', bytes: window },
    { how: 'all of it but a byte', bytes: window - 1 },
    { how: 'a byte more than leaves a quarter of it', bytes: (window * 3) / 4 + pipeBytes + 1 },
    { how: 'what leaves a quarter of it', bytes: (window * 3) / 4 + pipeBytes - 2 },
    { how: 'one byte that the pipe did not take', bytes: pipeBytes + 1 },
  ])('reaches its command before what the next one writes: $how', async ({ bytes }) => {
    await using init = await startInit(program, 'FIFOs', ['--detached']);
    const [before, after] = [randomBytes(bytes), randomBytes(window + 100_000)];
    const id = await left(init, before);
    await using next = await takeOverChannel(init.fifos.host, { clock: systemClock });
    expect((await readBy(next, id, after)).equals(Buffer.concat([before, after]))).toBe(true);
  });

  it('is still all there after one that only filled it up, and one that wrote nothing', async () => {
    await using init = await startInit(program, 'FIFOs', ['--detached']);
    const parts = [randomBytes(window / 2), randomBytes(window / 2), randomBytes(window)] as const;
    const id = await left(init, parts[0]);
    {
      await using second = await takeOverChannel(init.fifos.host, { clock: systemClock });
      const run = second.attach(id, new Kept());
      run.exited.catch(() => undefined);
      await run.write(parts[1]);
      await second.ping();
    }
    {
      await using third = await takeOverChannel(init.fifos.host, { clock: systemClock });
      third.attach(id, new Kept()).exited.catch(() => undefined);
      await third.ping();
    }
    await using last = await takeOverChannel(init.fifos.host, { clock: systemClock });
    expect((await readBy(last, id, parts[2])).equals(Buffer.concat(parts))).toBe(true);
  });

  it('is a beginning of what was written by one that went in the middle of it, and then the next one’s', async () => {
    await using init = await startInit(program, 'FIFOs', ['--detached']);
    const [before, after] = [randomBytes(window - 50_000), randomBytes(300_000)];
    const id = await left(init, before, false);
    await using next = await takeOverChannel(init.fifos.host, { clock: systemClock });
    const all = await readBy(next, id, after);
    const came = all.subarray(0, all.length - after.length);
    expect(came.equals(before.subarray(0, came.length))).toBe(true);
    expect(all.subarray(came.length).equals(after)).toBe(true);
  });
});
