import { availableParallelism, totalmem } from 'node:os';
import type { AlarmThresholds } from '../core/alarm-thresholds.js';
import type { Clock } from '../kit/clock.js';
import type { Alarm, AlarmSink, AlarmView } from './alarms/alarm.js';
import { AlarmBook } from './alarms/alarm-book.js';
import type { HostFacts } from './alarms/conditions.js';
import { Denials, type DenialsHeard } from './alarms/denials.js';
import { HealthAlarms } from './alarms/health.js';
import { readHostPressure } from './alarms/host-pressure.js';
import { SampleAlarms } from './alarms/sample-alarms.js';
import { type CanaryVerdict, canaryVerdict } from './canary-verdict.js';
import { kernelTexts } from './kernel-text.js';
import { Monitor, type Repeat, type Sample, type SandboxUsage, type WatchedSandbox } from './monitor.js';
import { UsageReader } from './usage-reader.js';

/** Hears of what is watched. Must not throw. */
export interface MonitoringHeard extends DenialsHeard {
  readonly onSample?: ((id: string, sample: Sample) => void) | undefined;
  readonly onAlarm?: ((alarm: Alarm) => void) | undefined;
  readonly onCanary?: ((verdict: CanaryVerdict) => void) | undefined;
}

export interface MonitoringOptions {
  readonly clock: Clock;
  readonly thresholds: AlarmThresholds;
  readonly onAlarm: (alarm: Alarm) => void;
  readonly heard?: MonitoringHeard | undefined;
  /** Default: the kernel's files. */
  readonly reader?: Pick<UsageReader, 'readAll'>;
  readonly host?: () => HostFacts;
  readonly repeat?: Repeat;
}

/** What is known of a session. */
export interface SessionState extends Partial<SandboxUsage> {
  readonly alarms: readonly AlarmView[];
}

/** What one process watches of the sessions that it holds: what they use, and what is alarming about that. */
export class Monitoring {
  /** For whoever finds something alarming elsewhere. */
  readonly alarms: AlarmSink;
  readonly denials: Denials;
  readonly health: HealthAlarms;
  readonly #heard: MonitoringHeard;
  readonly #book: AlarmBook;
  readonly #monitor: Monitor;
  readonly #samples: SampleAlarms;

  constructor({
    clock,
    thresholds,
    onAlarm,
    heard = {},
    reader = new UsageReader(),
    host = hostFacts(),
    repeat,
  }: MonitoringOptions) {
    const book = new AlarmBook(clock, (alarm) => {
      heard.onAlarm?.(alarm);
      onAlarm(alarm);
    });
    this.#book = book;
    this.#heard = heard;
    this.health = new HealthAlarms(book, clock);
    this.alarms = book;
    this.denials = new Denials({ sink: book, clock, thresholds, heard });
    this.#samples = new SampleAlarms({ book, thresholds, clock, host });
    const onSample = (id: string, sample: Sample) => {
      this.#samples.look(id, sample);
      heard.onSample?.(id, sample);
    };
    this.#monitor = new Monitor({ clock, reader, onSample, ...(repeat === undefined ? {} : { repeat }) });
  }

  /** Watches it until what is returned is disposed. */
  watch(target: WatchedSandbox): AsyncDisposable {
    const watch = this.#monitor.watch(target);
    return {
      [Symbol.asyncDispose]: async () => {
        await watch[Symbol.asyncDispose]();
        this.#samples.forget(target.id);
      },
    };
  }

  /** What a doctor found, of whom the canary counts: whether a sandbox is made as it should be. */
  checked(checks: readonly { readonly id: string; readonly status: string }[]): void {
    if (!checks.some(({ id }) => id === 'canary')) return;
    const verdict = canaryVerdict(checks);
    if (verdict !== 'unknown') this.health.canary(verdict === 'ok');
    this.#heard.onCanary?.(verdict);
  }

  stateOf(id: string): SessionState {
    return { ...this.#monitor.usageOf(id), alarms: this.#book.of(id) };
  }
}

function hostFacts(): () => HostFacts {
  const read = kernelTexts();
  const fixed = { cpuCount: availableParallelism(), memoryBytes: totalmem() };
  return () => ({ ...fixed, pressure: readHostPressure(read) });
}
