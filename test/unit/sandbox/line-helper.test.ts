import { describe, expect, it } from 'vitest';
import { LineHelper } from '../../../src/sandbox/line-helper.js';

const script = `while read -r line; do
  case $line in
    die) exit 3 ;;
    bad) echo 'that is bad' ;;
    sleep) exec sleep 60 ;;
    *) echo ;;
  esac
done`;
const helper = (patienceMs?: number) => new LineHelper('/bin/sh', ['-c', script], patienceMs ? { patienceMs } : {});
const outcomes = (asked: readonly Promise<void>[]) =>
  Promise.all(
    asked.map((each) =>
      each.then(
        () => 'done',
        (error: unknown) => (error instanceof Error ? error.message : error),
      ),
    ),
  );

describe('a helper that is asked line by line', () => {
  it('says of each line what went wrong with it', async () => {
    const one = helper();
    const asked = ['good', 'bad', 'good'].map((line) => one.ask(line));
    expect(await outcomes(asked)).toEqual(['done', 'that is bad', 'done']);
  });

  it('fails for the lines only that end it, however many wait behind them', async () => {
    const one = helper();
    await one.ask('good');
    const asked = ['good', 'die', 'bad', 'die', 'die', 'good'].map((line) => one.ask(line));
    const ended = 'it ended (3)';
    expect(await outcomes(asked)).toEqual(['done', ended, 'that is bad', ended, ended, 'done']);
    await one.ask('good');
  });

  it('gives up a line that hangs, and is there for the next', async () => {
    const one = helper(300);
    const asked = ['good', 'sleep'].map((line) => one.ask(line));
    expect(await outcomes(asked)).toEqual(['done', 'it did not answer within 300 ms']);
    await one.ask('good');
  });

  it('does not wait for ever behind those that hang', async () => {
    const one = helper(300);
    const asked = ['sleep', 'sleep', 'sleep', 'sleep', 'sleep'].map((line) => one.ask(line));
    expect(await outcomes(asked)).toEqual(asked.map(() => 'it did not answer within 300 ms'));
  });

  it.each([
    ['a line break', 'two\nlines'],
    ['too long', 'ä'.repeat(2101)],
  ])('refuses what is %s', async (what, line) => {
    await expect(helper().ask(line)).rejects.toThrow(what);
  });
});
