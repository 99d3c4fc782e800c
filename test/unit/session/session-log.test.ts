import { mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../../src/kit/clock.js';
import { readSessionLog, SessionLog } from '../../../src/session/session-log.js';

const mib = 1024 ** 2;

/** Time that does not pass; what sleeps can be interrupted. */
function heldClock() {
  const waits: number[] = [];
  const sleep = (ms: number, signal?: AbortSignal) => {
    waits.push(ms);
    return new Promise<void>((_, reject) => signal?.addEventListener('abort', () => reject(new Error('interrupted'))));
  };
  return { waits, clock: { ...systemClock, sleep } };
}

describe('the log of a session', () => {
  let folder = '';
  let path = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'paddock-log-'));
    path = join(folder, 'x.log');
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('holds what was appended, in that order, in a file of ours alone', async () => {
    await using log = new SessionLog(path);
    for (let n = 0; n < 200; n += 1) log.append(n % 2 === 0 ? `${n}\n` : Buffer.from(`${n}\n`));
    await log.flush();
    const { text, cut } = await readSessionLog(path, mib);
    expect(text).toBe(Array.from({ length: 200 }, (_, n) => `${n}\n`).join(''));
    expect(cut).toBe(false);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('gives the end when not all is wanted, and says that it is cut', async () => {
    await using log = new SessionLog(path);
    log.append('one two three');
    await log.flush();
    expect(await readSessionLog(path, 5)).toEqual({ text: 'three', cut: true });
    expect(await readSessionLog(path, 0)).toEqual({ text: '', cut: true });
  });

  it('never grows beyond its bound, whatever is printed, and keeps the newest', async () => {
    await using log = new SessionLog(path);
    const chunk = Buffer.alloc(256 * 1024, 'x');
    for (let n = 0; n < 40; n += 1) {
      log.append(chunk);
      if (n % 3 === 0) await log.flush();
    }
    log.append('the end\n');
    await log.flush();
    const sizes = await Promise.all([path, `${path}.1`].map(async (one) => (await stat(one)).size));
    for (const size of sizes) expect(size).toBeLessThanOrEqual(mib + 100);
    expect((await readSessionLog(path, 4 * mib)).text.endsWith('xxx' + 'the end\n')).toBe(true);
  });

  it('keeps the first and the last of what comes faster than it is written, and says how much is missing', async () => {
    await using log = new SessionLog(path);
    log.append('the beginning\n');
    const chunk = Buffer.alloc(mib, 'x');
    for (let n = 0; n < 64; n += 1) log.append(chunk);
    log.append('the end\n');
    await log.flush();
    const { text } = await readSessionLog(path, 4 * mib);
    expect(text.startsWith('the beginning\nxxx')).toBe(true);
    expect(text).toContain(`\n[… ${63 * mib + 22} bytes left out …]\n`);
    expect(text.endsWith('xxxthe end\n')).toBe(true);
  });

  it('writes once in a while what has come by then, but at once when it is asked for', async () => {
    const { waits, clock } = heldClock();
    await using log = new SessionLog(path, clock);
    log.append('sooner, ');
    await systemClock.sleep(100);
    log.append('later');
    expect(await readSessionLog(path, mib)).toEqual({ text: '', cut: false });
    expect(waits.length).toBe(1);
    await log.flush();
    expect((await readSessionLog(path, mib)).text).toBe('sooner, later');
  });

  it('writes by itself what nobody asks for', async () => {
    await using log = new SessionLog(path);
    log.append('quietly');
    await vi.waitFor(async () => expect((await readSessionLog(path, mib)).text).toBe('quietly'));
  });

  it('goes on where a former one ended', async () => {
    for (const text of ['first\n', 'second\n']) {
      await using log = new SessionLog(path);
      log.append(text);
    }
    expect(await readFile(path, 'utf8')).toBe('first\nsecond\n');
  });

  it('is empty where there is none', async () => {
    expect(await readSessionLog(path, mib)).toEqual({ text: '', cut: false });
  });

  it('follows no link, neither when it writes nor when it reads, and fails no command by that', async () => {
    const other = join(folder, 'other');
    await writeFile(other, 'untouched');
    await symlink(other, path);
    await using log = new SessionLog(path);
    log.append('into the other?');
    await log.flush();
    expect(await readFile(other, 'utf8')).toBe('untouched');
    expect(await readSessionLog(path, mib)).toEqual({ text: '', cut: false });
  });
});
