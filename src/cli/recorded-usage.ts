import type { Clock } from '../kit/clock.js';
import { cpuRate, type Sample } from '../monitor/monitor.js';
import type { Reading } from '../monitor/reading.js';
import type { UsageReader, UsageTarget } from '../monitor/usage-reader.js';
import { isInitAlive } from '../sandbox/init-identity.js';
import type { SessionRecord } from '../session/record.js';

interface Look {
  readonly reading: Reading;
  readonly monotonicMs: number;
}

/** Reads what sessions use by their records: process 1 of each is verified by namespace and start time, so that no reused pid is taken for it. */
export class RecordedUsage {
  readonly #reader: Pick<UsageReader, 'readAll'>;
  readonly #clock: Clock;
  #before = new Map<string, Look>();

  constructor(reader: Pick<UsageReader, 'readAll'>, clock: Clock) {
    this.#reader = reader;
    this.#clock = clock;
  }

  /** By session; CPU rates are those since the call before. */
  read(records: readonly SessionRecord[]): ReadonlyMap<string, Sample> {
    const targets = new Map(
      records.flatMap((record) => targetOf(record).map((target) => [target, record.id] as const)),
    );
    const readings = this.#reader.readAll(targets.keys());
    const [atMs, monotonicMs] = [this.#clock.now(), this.#clock.monotonic()];
    const samples = new Map<string, Sample>();
    const seen = new Map<string, Look>();
    for (const [target, reading] of readings) {
      const id = targets.get(target) ?? '';
      const before = this.#before.get(id);
      const cpuMillis = before && cpuRate(before.reading, reading, monotonicMs - before.monotonicMs);
      samples.set(id, { ...reading, atMs, ...(cpuMillis === undefined ? {} : { cpuMillis }) });
      seen.set(id, { reading, monotonicMs });
    }
    this.#before = seen;
    return samples;
  }
}

function targetOf({ container }: SessionRecord): readonly UsageTarget[] {
  if (container === undefined) return [];
  const { id: containerId, initPid, namespace } = container;
  return [{ containerId, initPid, namespace, isAlive: () => isInitAlive(container) }];
}
