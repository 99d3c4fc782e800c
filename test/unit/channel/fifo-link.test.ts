import { chmodSync, existsSync, linkSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFifoLink, reopenFifoLink } from '../../../src/channel/fifo-link.js';
import { FakeInit } from './support/fake-init.js';
import { Fifos } from './support/fifos.js';

let fifos: Fifos;
beforeEach(() => {
  fifos = new Fifos();
});
afterEach(() => fifos[Symbol.dispose]());

const open = () => openFifoLink(fifos.shared, { hostFolder: fifos.host });

describe('a link over FIFOs', () => {
  it('opens both ends of each, so that it waits for nobody and is not at its end', async () => {
    await using link = await open();
    expect(fifos.openHere()).toHaveLength(4);
    const chunks: Buffer[] = [];
    link.read({ onChunk: (chunk) => chunks.push(chunk), onDrain: () => undefined });
    link.write(Buffer.from('to process 1'));
    await using init = FakeInit.onFifos(fifos.shared);
    expect(link.resumes).toBe(false);
    init.send(Buffer.from('from it'));
    await expect.poll(() => Buffer.concat(chunks).toString()).toBe('from it');
  });

  it('lets go of the other ends when process 1 is there, and takes the names away', async () => {
    await using link = await open();
    await using init = FakeInit.onFifos(fifos.shared);
    await link.confirm();
    // Two of ours, and the two of the process 1 that runs here.
    expect(fifos.openHere()).toHaveLength(4);
    for (const name of ['in', 'out']) {
      expect(existsSync(join(fifos.shared, name))).toBe(false);
      expect(existsSync(join(fifos.host, name))).toBe(true);
    }
    link.read({ onChunk: () => undefined, onDrain: () => undefined });
    init.close();
    expect(await link.closed).toMatchObject({ why: 'ended' });
  });

  it('is closed with everything that it had opened, confirmed or not', async () => {
    const link = await open();
    await link[Symbol.asyncDispose]();
    expect(await link.closed).toMatchObject({ why: 'closed' });
    expect(fifos.openHere()).toEqual([]);
  });

  const spoiled: readonly [string, (path: string) => void][] = [
    ['missing', (path) => rmSync(path)],
    [
      'a link to a FIFO of ours',
      (path) => {
        renameSync(path, `${path}.real`);
        symlinkSync(`${path}.real`, path);
      },
    ],
    [
      'a regular file',
      (path) => {
        rmSync(path);
        writeFileSync(path, '', { mode: 0o600 });
      },
    ],
    ['open to others', (path) => chmodSync(path, 0o620)],
    ['of two names', (path) => linkSync(path, `${path}.too`)],
  ];
  for (const name of ['in', 'out']) {
    it.each(spoiled)(`refuses \`${name}\` that is %s, and leaves nothing open`, async (_, spoil) => {
      spoil(join(fifos.shared, name));
      await expect(open()).rejects.toMatchObject({ code: 'CHANNEL_UNAVAILABLE' });
      expect(fifos.openHere()).toEqual([]);
    });
  }
});

describe('a link that is opened again', () => {
  it('says that the session is over when no process 1 has the pipes open', async () => {
    await expect(reopenFifoLink(fifos.shared)).rejects.toMatchObject({ code: 'SESSION_ENDED' });
    expect(fifos.openHere()).toEqual([]);
  });

  it('may have bytes of an older conversation in it', async () => {
    await using init = FakeInit.onFifos(fifos.shared, true);
    init.send(Buffer.from('old'));
    await using link = await reopenFifoLink(fifos.shared);
    expect(link.resumes).toBe(true);
  });
});
