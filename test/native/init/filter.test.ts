import { readFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { boottimeMs, builtInit, builtSupport, Running } from './support/compiled.js';

const init = builtInit();
const filtered = builtSupport('test/native/init/support/filtered.c');

/** The name of paddock-init under a filter that answers its questions with this errno three times, and with 1025 the fourth. */
async function nameUnder(errno: number): Promise<string> {
  using running = new Running(filtered, [
    ...[String(errno), init, '--deadline-boottime-ms', String(boottimeMs() + 3_600_000)],
  ]);
  await vi.waitFor(() => expect(running.blockedSignals()).not.toBe(0n), { timeout: 9_000, interval: 10 });
  return readFileSync(`/proc/${running.pid}/comm`, 'utf8').trim();
}

describe('paddock-init, asking its filter which one it is', () => {
  it('takes the name that the filter spells', async () => {
    expect(await nameUnder(1024 + 0xab)).toBe('init-ababab01');
  });

  it.each([1, 38, 95, 1023, 1024 + 256])('keeps its own where an answer is none of ours: errno %d', async (errno) => {
    expect(await nameUnder(errno)).toBe('paddock-init');
  });

  it('keeps its own where there is no filter', async () => {
    using running = new Running(init, ['--deadline-boottime-ms', String(boottimeMs() + 3_600_000)]);
    await vi.waitFor(() => expect(running.blockedSignals()).not.toBe(0n), { timeout: 9_000, interval: 10 });
    expect(readFileSync(`/proc/${running.pid}/comm`, 'utf8').trim()).toBe('paddock-init');
  });
});
