import { describe, expect, it } from 'vitest';
import { CanaryWatch } from '../../../src/cli/canary-watch.js';
import type { CanaryVerdict } from '../../../src/monitor/canary-verdict.js';
import { HeldClock } from '../tools/support/stage.js';

function staged(verdicts: readonly (CanaryVerdict | Error)[], isRequired = true) {
  const clock = new HeldClock();
  const atMs: number[] = [];
  const failures: unknown[] = [];
  const watch = new CanaryWatch({
    ...{ clock, everyMs: 600_000, isRequired },
    run: () => {
      const verdict = verdicts[Math.min(atMs.length, verdicts.length - 1)] ?? 'ok';
      atMs.push(clock.nowMs - 1_000_000);
      return verdict instanceof Error ? Promise.reject(verdict) : Promise.resolve(verdict);
    },
    onFailure: (error) => failures.push(error),
  });
  watch.start();
  return { clock, atMs, failures, watch };
}

const refused = { code: 'CONTROL_NOT_ENFORCED' };
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('the canary of a server for others', () => {
  it('is made at once and then every so often, and sooner after one that did not pass', async () => {
    const { clock, atMs, watch, failures } = staged(['ok', 'failed', 'unknown', new Error('away'), 'ok']);
    await clock.pass(1_300_000, 10_000);
    expect(atMs).toEqual([0, 600_000, 660_000, 720_000, 780_000]);
    expect(failures).toHaveLength(1);
    await watch[Symbol.asyncDispose]();
    await clock.pass(1_300_000, 100_000);
    expect(atMs).toHaveLength(5);
  });

  it('lets work begin once it has passed, where policy requires it, and not after it has failed', async () => {
    const { clock, watch } = staged(['ok', 'unknown', 'failed', 'unknown', 'ok']);
    await watch.admit();
    await clock.pass(600_000, 10_000);
    await watch.admit();
    await clock.pass(600_000, 10_000);
    await expect(watch.admit()).rejects.toMatchObject(refused);
    await clock.pass(60_000, 10_000);
    await expect(watch.admit()).rejects.toMatchObject(refused);
    await clock.pass(60_000, 10_000);
    await watch.admit();
    await watch[Symbol.asyncDispose]();
  });

  it('keeps work waiting for the first, and refuses it where that takes long', async () => {
    const { clock, watch } = staged([new Error('away'), 'ok']);
    await expect(watch.admit()).rejects.toMatchObject(refused);
    await clock.pass(60_000, 10_000);
    await watch.admit();
    await watch[Symbol.asyncDispose]();

    const slow = new CanaryWatch({
      ...{ clock, everyMs: 600_000, isRequired: true, onFailure: () => undefined },
      run: (signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve('unknown'))),
    });
    slow.start();
    const asked = slow.admit().catch((error: unknown) => error);
    await clock.pass(30_000, 10_000);
    expect(await asked).toMatchObject(refused);
    await slow[Symbol.asyncDispose]();
  });

  it('keeps nobody from anything where policy does not require it', async () => {
    const { watch } = staged(['failed'], false);
    await turn();
    await watch.admit();
    await watch[Symbol.asyncDispose]();
  });
});
