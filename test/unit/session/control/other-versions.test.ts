import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, execInHeld, updateHeld } from '../../../../src/session/control/client.js';
import { connected, json, Served } from './support/visited.js';

const forever = new AbortController().signal;
const otherVersion = (word: string) => ({
  code: 'OTHER_VERSION',
  message: expect.stringContaining(`“${word}”`) as string,
});
const nothing = { text: '', totalBytes: 0, droppedBytes: 0 };
const result = { exitCode: 7, reason: 'exited', stdout: nothing, stderr: nothing, usage: { durationMs: 1 }, strays: 0 };
const started = { say: 'started', commandId: 'cmd_1' };

describe('a holder of a later version', () => {
  let folder: string;
  let server: Server;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'paddock-later-'));
  });
  afterEach(async () => {
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true });
  });

  /** It says this to whatever it is asked. */
  async function saying(...messages: readonly unknown[]): Promise<Socket> {
    const path = join(folder, 's');
    server = createServer((socket) => {
      socket.once('data', () => socket.end(Buffer.concat(messages.map(json))));
      socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    return await connected(path);
  }

  it('may say more while a command runs than this version knows', async () => {
    const more = { say: 'weather', of: { tomorrow: ['rain'] } };
    const socket = await saying(more, started, more, { ...started, say: 'started-again' }, { say: 'result', result });
    const held = await execInHeld(socket, { argv: ['x'] }, {});
    expect(await held.result).toMatchObject({ exitCode: 7 });
  });

  it('is named as that where what it says of a command can not be read, and where it answers in other words', async () => {
    const socket = await saying(started, { say: 'result', result: { ...result, reason: 'eclipse' } });
    const held = await execInHeld(socket, { argv: ['x'] }, {});
    await expect(held.result).rejects.toMatchObject(otherVersion('result'));
    server.close();
    await expect(updateHeld(await saying({ say: 'renewed' }), {}, forever)).rejects.toMatchObject(
      otherVersion('renewed'),
    );
    server.close();
    await expect(ask(await saying({ say: 'updated' }), {})).rejects.toMatchObject(otherVersion('updated'));
  });

  it('may add to its answer what this version does not know', async () => {
    const socket = await saying({ say: 'weather' }, { say: 'held', since: 5 });
    expect(await ask(socket, { say: 'hold', sessionId: 'x' })).toEqual({ say: 'held' });
  });

  it('has its words for an error passed on, though its code is none of ours', async () => {
    const error = { say: 'error', code: 'MOON_FULL', message: 'not tonight', hint: 'Wait for a week.' };
    await expect(updateHeld(await saying(error), {}, forever)).rejects.toMatchObject({
      ...{ code: 'OTHER_VERSION', message: 'not tonight (MOON_FULL)', hint: 'Wait for a week.' },
    });
  });

  it('is not believed to be one where what it says is no message at all', async () => {
    await expect(ask(await saying({ say: 7 }), {})).rejects.toMatchObject({ code: 'CHANNEL_UNAVAILABLE' });
  });
});

describe('a visitor of a later version', () => {
  it.each([
    ['asks what this version does not know', { say: 'forecast', days: 3 }, 'forecast'],
    ['asks with more than this version knows', { say: 'exec', request: {}, hasInput: false, isSlow: true }, 'exec'],
  ])('that %s is told so', async (_, question, word) => {
    await using served = await Served.make(() => Promise.resolve(0));
    await expect(ask(await served.connect(), question)).rejects.toMatchObject(otherVersion(word));
    expect(served.session.commands).toEqual([]);
  });
});
