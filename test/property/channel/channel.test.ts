import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openChannel } from '../../../src/channel/channel.js';
import type { Channel } from '../../../src/channel/types.js';
import { systemClock } from '../../../src/kit/clock.js';
import * as from from '../../unit/channel/support/from-init.js';
import { MemoryLink } from '../../unit/channel/support/memory-link.js';
import { command } from '../../unit/channel/support/rig.js';

const id = fc.constantFrom(1, 2, 3);
const connection = fc.constantFrom(0, 1, 2).map(from.connectionId);
const bytes = fc.constantFrom(1, 2, 1000, 65_536).map((length) => Buffer.alloc(length, 'x'));
const offset = fc.constantFrom(0, 1, 2, 1000, 65_536);
const stream = fc.constantFrom(1, 2);

/** What a peer may say that knows the protocol and keeps to its rules only now and then. */
const anyFrame = fc.oneof(
  id.map((of) => from.started(of)),
  fc.tuple(id, stream, offset, bytes).map(([of, on, at, data]) => from.output(of, on, at, data)),
  fc.tuple(id, stream, offset).map(([of, on, length]) => from.outputEnd(of, on, length)),
  id.map((of) => from.finished(of)),
  fc.tuple(id, fc.constantFrom(1, 65_536)).map(([of, credit]) => from.credit(of, credit)),
  fc.tuple(connection, fc.constantFrom(1, 65_536)).map(([of, credit]) => from.credit(of, credit)),
  fc.tuple(connection, fc.constantFrom(1, 2)).map(([of, listener]) => from.accepted(of, listener)),
  fc.tuple(connection, bytes).map(([of, data]) => from.connectionData(of, data)),
  connection.map((of) => from.connectionEnd(of)),
  connection.map((of) => from.connectionReset(of)),
  fc.uint8Array({ maxLength: 40 }).map((noise) => Buffer.from(noise)),
);

async function openOver(link: MemoryLink): Promise<Channel> {
  const opening = openChannel(link, { clock: systemClock });
  link.feed(from.hello(Buffer.from(link.written[0]?.subarray(24, 40) ?? [])));
  const channel = await opening;
  const run = channel.start(command, { onOutput: () => undefined });
  const slow = channel.start({ ...command, ringBytes: 4096 }, { onOutput: () => new Promise(() => undefined) });
  const listening = channel.listen(0, (from) => {
    if (from.id % 2 === 0) from.resume().end('answer');
  });
  link.feed(Buffer.concat([from.started(1), from.started(2), from.listening(1, 0, 8080)]));
  const [first] = await Promise.all([run, slow, listening]);
  first.write(Buffer.alloc(200_000)).catch(() => undefined);
  return channel;
}

describe('an open channel', () => {
  it('takes any frames of a peer that plays with the rules, and ends with a violation or goes on', async () => {
    const tally = { open: 0, violation: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(anyFrame, { maxLength: 12 }), async (frames) => {
        const link = new MemoryLink();
        await using channel = await openOver(link);
        for (const frame of frames) {
          link.feed(frame);
          await Promise.resolve();
        }
        expect(link.isClosed).toBe(!channel.isOpen);
        if (!channel.isOpen) expect((await channel.ended).why).toBe('violation');
        tally[channel.isOpen ? 'open' : 'violation'] += 1;
      }),
      { numRuns: 300 },
    );
    expect(Math.min(tally.open, tally.violation)).toBeGreaterThan(0);
  });

  it('lets little wait for a peer that reads nothing, whatever that one says', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 6 }), async (quarters) => {
        const link = new MemoryLink();
        await using channel = await openOver(link);
        link.isWritable = false;
        let at = 0;
        for (const quarter of quarters) {
          for (let i = 0; i < 4 * quarter && channel.isOpen; i += 1) {
            link.feed(from.output(1, 1, at, Buffer.alloc(65_536)));
            at += 65_536;
          }
        }
        // Credit is not granted while it can't be told, so the sixteenth block is the last that may come.
        expect(channel.isOpen).toBe(at <= 16 * 65_536);
        expect(link.pendingBytes).toBeLessThan(1000);
      }),
      { numRuns: 40 },
    );
  });
});
