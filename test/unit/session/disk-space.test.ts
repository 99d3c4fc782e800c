import { describe, expect, it } from 'vitest';
import { AlarmBook } from '../../../src/monitor/alarms/alarm-book.js';
import { alarmOnDisk } from '../../../src/session/disk/disk-alarm.js';
import { stage, usageOf } from './support/disk-stage.js';

describe('the disk of a session', () => {
  it('takes another limit, by which a full one has room again at once, and its alarm is over', async () => {
    const { accountant, space } = stage();
    const levels: string[] = [];
    space.listen((level) => levels.push(level));
    accountant.next = usageOf(100);
    await space.count();
    expect(space.isFull()).toBe(true);
    space.setLimit(200);
    expect(space.isFull()).toBe(false);
    await space.admit('pdk_a');
    expect(levels).toEqual(['reached', 'usual']);
    space.setLimit(110);
    expect([levels.at(-1), accountant.counts]).toEqual(['warning', 1]);
  });

  it('ends every command at the limit, and says so with numbers', async () => {
    const { clock, accountant, space } = stage();
    const ended: string[] = [];
    const over = space.begin(() => ended.push('one'));
    space.begin(() => ended.push('two'));
    await clock.pass(1000);
    expect(ended).toEqual([]);
    accountant.next = usageOf(100);
    await clock.pass(1500);
    expect(new Set(ended)).toEqual(new Set(['one', 'two']));
    expect(space.words).toMatch(/100 B of 100 B.*\(disk\.limit\)/);
    over();
    ended.length = 0;
    await clock.pass(500);
    expect(ended).not.toContain('one');
  });

  it('ends them at the limit of files and folders as well', async () => {
    const { clock, accountant, space } = stage();
    let ended = false;
    accountant.next = usageOf(0, 1000);
    space.begin(() => {
      ended = true;
    });
    await clock.pass(500);
    expect(ended).toBe(true);
  });

  it('lets nothing start while it is full, and counts anew for each that asks', async () => {
    const { clock, accountant, space } = stage();
    await space.admit('pdk_x');
    expect(accountant.counts).toBe(0);
    accountant.next = usageOf(120);
    await space.count();
    const [refused] = await Promise.allSettled([space.admit('pdk_x'), clock.pass(250)]);
    expect(refused).toMatchObject({
      reason: { code: 'LIMIT_REACHED', info: { ruleId: 'disk.limit', usedBytes: 120, limitBytes: 100 } },
    });
    expect(accountant.counts).toBe(2);
    // After a long count the next one is not made for everybody who asks.
    accountant.restLeftMs = 2001;
    await expect(space.admit('pdk_x')).rejects.toMatchObject({ code: 'LIMIT_REACHED' });
    expect(accountant.counts).toBe(2);
    accountant.restLeftMs = 2000;
    accountant.next = usageOf(20);
    const admitted = space.admit('pdk_x');
    await clock.pass(1750);
    expect(accountant.counts).toBe(2);
    await clock.pass(250);
    await admitted;
  });

  it('counts nothing while nothing is due and nothing was left behind', async () => {
    const { clock, accountant, space } = stage();
    accountant.state = 'fine';
    accountant.worthwhile = false;
    const over = space.begin(() => undefined);
    await clock.pass(5000);
    over();
    await clock.pass(5000);
    expect(accountant.counts).toBe(0);
  });

  it('counts once more when the last command has ended, and then rests', async () => {
    const { clock, accountant, space } = stage();
    accountant.state = 'fine';
    const over = space.begin(() => undefined);
    await clock.pass(500);
    over();
    await clock.pass(1000);
    accountant.worthwhile = false;
    await clock.pass(60_000, 1000);
    expect(accountant.counts).toBe(1);
  });

  it('raises an alarm at four fifths and at 95 %, each once, until there is room again', async () => {
    const { accountant, space, clock } = stage();
    const alarms: string[] = [];
    const book = new AlarmBook(clock, ({ kind, level, text }) =>
      alarms.push(`${kind} ${level}: ${text.split(',')[0]}`),
    );
    const listening = alarmOnDisk('pdk_x', space, book);
    for (const bytes of [10, 80, 85, 95, 20, 99, 100, 120]) {
      accountant.next = usageOf(bytes);
      await space.count();
    }
    expect(alarms).toEqual([
      'disk warning: it has added 80 B of 100 B',
      'disk critical: it has added 95 B of 100 B',
      'disk critical: it has added 99 B of 100 B',
      'disk critical: it has added 100 B of 100 B',
    ]);
    expect(book.of('pdk_x').at(-1)).toMatchObject({
      inForce: true,
      values: { bytes: 100, limitBytes: 100, inodes: 1 },
    });
    await listening[Symbol.asyncDispose]();
    accountant.next = usageOf(10);
    await space.count();
    expect(book.of('pdk_x').at(-1)).toMatchObject({ inForce: true });
  });

  it('ends what runs when it can not be counted for ten tries, and lets it start again once it can', async () => {
    const { clock, accountant, space } = stage();
    accountant.broken = new Error('EIO');
    let ended = false;
    const over = space.begin(() => {
      ended = true;
    });
    await clock.pass(8000);
    expect(ended).toBe(false);
    await clock.pass(4000);
    expect(ended).toBe(true);
    over();
    const [refused] = await Promise.allSettled([space.admit('pdk_x'), clock.pass(250)]);
    expect(refused).toMatchObject({ reason: { code: 'LIMIT_REACHED' } });
    expect(space.words).toContain('can not be counted');
    accountant.broken = undefined;
    const admitted = space.admit('pdk_x');
    await clock.pass(250);
    await admitted;
  });

  it('stops looking when it is disposed, and closes what was open', async () => {
    const { clock, accountant, space, closed } = stage();
    space.begin(() => undefined);
    await clock.pass(500);
    await space[Symbol.asyncDispose]();
    const { counts } = accountant;
    await clock.pass(5000);
    expect([accountant.counts, closed()]).toEqual([counts, 1]);
  });
});
