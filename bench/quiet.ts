import { readFileSync } from 'node:fs';
import { systemClock } from '../src/kit/clock.js';

const lookMs = 200;
/** Of all processors' time. */
const quietShare = 0.8;
const patienceMs = 15_000;

/**
 * Waits until the machine has little else to do: what an engine's exec leaves to tidy up runs on for seconds, and must not
 * count against whoever comes next. Gives up after 15 s, since a busy machine may stay so.
 */
export async function quiet(): Promise<void> {
  const until = systemClock.monotonic() + patienceMs;
  for (let last = processorTimes(); systemClock.monotonic() < until; ) {
    await systemClock.sleep(lookMs);
    const now = processorTimes();
    if (now.idle - last.idle >= quietShare * (now.all - last.all)) return;
    last = now;
  }
}

/** In clock ticks since boot; user, nice, system, idle, iowait, … are the first line of /proc/stat. */
function processorTimes(): { readonly idle: number; readonly all: number } {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n', 1);
  const ticks = line.trim().split(/\s+/).slice(1).map(Number);
  return { idle: (ticks[3] ?? 0) + (ticks[4] ?? 0), all: ticks.reduce((sum, each) => sum + each, 0) };
}
