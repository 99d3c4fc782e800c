import { describe, expect, it } from 'vitest';
import { Command, sh } from './support/command.js';
import { builtInit } from './support/compiled.js';
import { from, NativeInit, to, u16 } from './support/peer.js';

const init = builtInit();
const CTRL_C = Buffer.from([3]);
const FOREGROUND = 2;

describe('a command on a terminal', () => {
  it('has it as all three streams, controlling, with the size that was asked for and later ones', async () => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    const script =
      'trap "stty size" WINCH; test -t 0 && test -t 1 && test -t 2 && : </dev/tty && tty && stty size; while :; do sleep 0.01; done';
    const command = new Command(peer, 1, sh(script), { terminal: true, input: true, rows: 40, columns: 132 });
    await command.shows(/^\/dev\/pts\/\d+\r\n40 132\r\n/);
    peer.send(to.RESIZE, 1, u16(50, 100));
    await command.shows(/\r\n50 100\r\n/);
    command.end(0);
    await command.exited();
    expect(peer.of(from.OUTPUT_END, 1).map((each) => each.stream)).toEqual([1]);
  });

  it('is interrupted by the byte of Ctrl-C, and only what is in the foreground', async () => {
    using native = new NativeInit(init);
    const command = new Command(await native.greeted(), 1, ['bash', '--norc', '-i'], { terminal: true, input: true });
    await command.write(Buffer.from('sleep 60 & echo job $((1 + 1)); cat\n'));
    await command.shows(/job 2/);
    await command.write(Buffer.from('line\n'));
    await command.shows(/line\r\nline\r\n/);
    await command.write(CTRL_C);
    await command.shows(/\^C\r\n/);
    await command.write(Buffer.from('echo status $?; jobs; exit 5\n'));
    await command.shows(/status 130\r\n[\s\S]*Running +sleep 60/);
    expect(await command.exited()).toMatchObject({ how: 0, status: 5, strays: 1 });
  });

  it('takes a signal for the foreground group', async () => {
    using native = new NativeInit(init);
    const argv = ['bash', '--norc', '-ic', `sh -c 'echo ready; sleep 60'; echo after`];
    const command = new Command(await native.greeted(), 1, argv, { terminal: true, input: true });
    await command.shows(/ready/);
    command.signal(15, FOREGROUND);
    await command.shows(/after/);
    expect(await command.exited()).toMatchObject({ how: 0 });
  });

  it.each([
    { what: 'a whole line', line: 'one\n' },
    { what: 'half a line', line: 'one' },
  ])('reads the end of its input after $what', async ({ line }) => {
    using native = new NativeInit(init);
    const script = 'cat; echo done';
    const command = new Command(await native.greeted(), 1, sh(script), { terminal: true, input: true });
    await command.write(Buffer.from(line));
    await command.shows(/one/);
    command.endInput();
    expect(await command.exited()).toMatchObject({ how: 0, status: 0 });
    expect(command.text()).toContain('done');
  });

  it('reads an input that is at its end when it was given none', async () => {
    using native = new NativeInit(init);
    const command = new Command(await native.greeted(), 1, ['cat'], { terminal: true });
    expect(await command.exited()).toMatchObject({ how: 0, status: 0 });
  });

  it('loses nothing of what it wrote just before its end', async () => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    for (let id = 1; id <= 20; id += 1) {
      const command = new Command(peer, id, sh('stty -opost; seq 1 20000'), { terminal: true });
      await command.exited();
      expect(command.text()).toBe(`${Array.from({ length: 20_000 }, (_, i) => i + 1).join('\n')}\n`);
    }
  });

  it('ends with everything that the terminal started, when asked', async () => {
    using native = new NativeInit(init);
    const script = 'trap "" HUP TERM; setsid sleep 60 & echo ready; sleep 60; sleep 60';
    const command = new Command(await native.greeted(), 1, sh(script), { terminal: true });
    await command.shows(/ready/);
    command.end(50);
    expect(await command.exited()).toMatchObject({ how: 1, status: 9, cause: 2 });
  });
});
