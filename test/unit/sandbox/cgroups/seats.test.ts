import { describe, expect, it, vi } from 'vitest';
import type { Channel } from '../../../../src/channel/types.js';
import { CgroupRefused } from '../../../../src/sandbox/cgroups/cgroup-keeper.js';
import type { CommandCgroups } from '../../../../src/sandbox/cgroups/command-cgroups.js';
import { Seats } from '../../../../src/sandbox/cgroups/seats.js';

function setUp() {
  const made: { readonly id: number; readonly pid: number; isOver: boolean; discard: ReturnType<typeof vi.fn> }[] = [];
  const channel = {
    isOpen: true,
    prepare: vi.fn(() => {
      const id = made.length + 1;
      made.push({ id, pid: 70 + id, isOver: false, discard: vi.fn() });
      return Promise.resolve(made.at(-1));
    }),
  };
  const leave = vi.fn(() => Promise.resolve());
  const enter = vi.fn((name: number, pid: number) => Promise.resolve({ name, pid, leave }));
  const seats = new Seats(channel as unknown as Channel, { enter } as unknown as CommandCgroups);
  return { seats, channel, enter, leave, made };
}

describe('the seats of commands to come', () => {
  it('are made before anybody asks, one at a time', async () => {
    const { seats, channel, enter } = setUp();
    seats.refill();
    seats.refill();
    await vi.waitFor(() => expect(enter).toHaveBeenCalledWith(1, 71));
    expect(channel.prepare).toHaveBeenCalledTimes(1);
    expect(await seats.take()).toMatchObject({ prepared: { id: 1 }, cgroup: { name: 1 } });
    expect(channel.prepare).toHaveBeenCalledTimes(1);
  });

  it('are made when they are asked for, where none is ready', async () => {
    const { seats } = setUp();
    const two = await Promise.all([seats.take(), seats.take()]);
    expect(two.map(({ prepared }) => prepared.id).sort()).toEqual([1, 2]);
  });

  it('are made anew when another command killed what sat there, whose cgroup is removed', async () => {
    const { seats, made, leave, enter } = setUp();
    seats.refill();
    await vi.waitFor(() => expect(enter).toHaveBeenCalled());
    await Promise.resolve();
    for (const one of made) one.isOver = true;
    expect(await seats.take()).toMatchObject({ prepared: { id: 2 } });
    expect(leave).toHaveBeenCalledTimes(1);
  });

  it('are refused, and nothing is left waiting, when the process can’t be moved', async () => {
    const { seats, made, enter } = setUp();
    enter.mockRejectedValue(new CgroupRefused('enter', new Error('13 Permission denied')));
    await expect(seats.take()).rejects.toMatchObject({
      code: 'COMMAND_NOT_RUN',
      message: expect.stringContaining('Permission denied'),
    });
    expect(made[0]?.discard).toHaveBeenCalledTimes(1);
  });

  it('are not made in advance on a channel that is over', () => {
    const { seats, channel } = setUp();
    channel.isOpen = false;
    seats.refill();
    expect(channel.prepare).not.toHaveBeenCalled();
  });
});
