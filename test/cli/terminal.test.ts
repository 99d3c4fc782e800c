import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keeperGone } from '../e2e/support/keeper.js';
import { leftOvers } from '../e2e/support/left-overs.js';
import { document, paddock } from '../e2e/support/paddock.js';
import { Place } from '../e2e/support/place.js';
import { OnTerminal } from '../e2e/support/terminal.js';
import { engineKinds } from '../engine/support/engines.js';

const ctrlC = '\u0003';
const prompt = /[$#] $/;

describe.each(engineKinds)('a terminal in a sandbox on %s', (kind) => {
  let place: Place;
  let id: string;

  beforeAll(async () => {
    place = await Place.make(kind);
    id = document(await paddock(place, ['create', '--json']))['sessionId'] as string;
  });

  afterAll(async () => {
    await paddock(place, ['rm', '--all']);
    await keeperGone(place);
    expect(await leftOvers(place, [kind])).toEqual([]);
    await place[Symbol.asyncDispose]();
  });

  const ways: readonly [string, () => readonly string[]][] = [
    ['paddock exec -t', () => ['exec', '-t', id, '--', 'sh']],
    ['paddock run -t', () => ['run', '-t', '--', 'sh']],
  ];

  it.each(ways)('of %s has the size of ours and follows it, and takes Ctrl-C as a key', async (_, args) => {
    await using screen = OnTerminal.start(place, args());
    await screen.see(prompt);
    await screen.typeAndSee('stty size\n', /\n33 101\r\n/);
    screen.resize(40, 120);
    await expect
      .poll(
        async () => {
          await screen.typeAndSee('stty size; echo so\n', /\d+ \d+\r\nso/);
          return screen.shown.includes('40 120\r\n');
        },
        { timeout: 15_000 },
      )
      .toBe(true);
    await screen.typeAndSee('tty; sleep 600\n', /dev\/pts\//);
    await screen.typeAndSee(ctrlC, /\^C\s+[$#] $/);
    await screen.typeAndSee('echo "code $?"\n', /\ncode 130\r\n/);
    await screen.typeAndSee('echo still here\n', /\nstill here\r\n/);
    screen.type('exit 7\n');
    expect(await screen.end()).toEqual({ status: 7, areModesRestored: true });
  });

  it('gives the modes of ours back when the session ends under it', async () => {
    const other = document(await paddock(place, ['create', '--json']))['sessionId'] as string;
    await using screen = OnTerminal.start(place, ['exec', '-t', other, '--', 'sh']);
    await screen.see(prompt);
    await screen.typeAndSee('echo begun\n', /\nbegun\r\n/);
    expect((await paddock(place, ['rm', other])).status).toBe(0);
    expect(await screen.end()).toEqual({ status: 137, areModesRestored: true });
    expect(screen.shown).toContain('the session ended while the command ran');
  });

  it('has a size where we have no terminal ourselves', async () => {
    const result = await paddock(place, ['exec', '-t', id, '--', 'stty', 'size']);
    expect([result.status, result.stdout.toString()]).toEqual([0, '24 80\r\n']);
  });
});
