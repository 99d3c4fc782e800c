import { Registry } from 'prom-client';
import type { OnAlert } from '../alerts/outlet.js';
import type { HeardRecord } from '../audit/heard-audit.js';
import type { HeardCall } from '../engine/heard-engine.js';
import type { Clock } from '../kit/clock.js';
import type { MonitoringHeard } from '../monitor/monitoring.js';
import type { OnSpans } from '../tracing/span.js';
import { type Instruments, newInstruments } from './instruments.js';
import { RecordCounts } from './record-counts.js';
import { SampleCounts } from './sample-counts.js';
import { type ModelUse, type Moved, Traffic } from './traffic.js';
import { FewWords } from './words.js';

/** A session as far as it is counted while it is open. */
export interface CountedSession {
  readonly id: string;
  readonly isAlive: boolean;
  readonly commands: number;
  /** What it has added to the disk, in bytes, as last counted. */
  readonly diskBytes: number;
  readonly egress: (Moved & { readonly open: number }) | undefined;
  readonly models: readonly ModelUse[];
}

export interface MetricsOptions {
  readonly version: string;
  readonly clock: Clock;
  /** What is free where the state is, in bytes; undefined where that can't be known. */
  readonly freeBytes: () => Promise<number | undefined>;
  /** On every sample, where several processes are read as one. */
  readonly labels?: Readonly<Record<string, string>>;
}

/**
 * What one process counts, for Prometheus. It hears of everything as it happens, and looks at the open sessions when it is read. Nothing
 * here throws at whom it hears from, or waits for anybody.
 */
export class Metrics {
  readonly contentType: string;
  readonly heard: MonitoringHeard;
  /** Of the audit log and the engine. */
  readonly heardApp: {
    readonly onRecord: (record: HeardRecord) => void;
    readonly onCall: (call: HeardCall) => void;
    readonly onForward: (state: { readonly lost: number }) => void;
  };
  readonly onAlert: OnAlert;
  readonly onSpans: OnSpans;
  readonly #registry = new Registry();
  readonly #instruments: Instruments;
  readonly #options: MetricsOptions;
  readonly #records: RecordCounts;
  readonly #samples: SampleCounts;
  readonly #traffic: Traffic;
  #sessions: () => readonly CountedSession[] = () => [];

  constructor(options: MetricsOptions) {
    const { clock, labels = {}, version } = options;
    this.#options = options;
    this.#registry.setDefaultLabels(labels);
    this.contentType = this.#registry.contentType;
    const instruments = newInstruments(this.#registry);
    this.#instruments = instruments;
    instruments.build.set({ version }, 1);
    instruments.started.set(clock.now() / 1000);
    this.#samples = new SampleCounts(instruments);
    this.#traffic = new Traffic(instruments);
    const onOver = (session: string) => {
      this.#samples.forget(session);
      this.#traffic.forget(session);
    };
    this.#records = new RecordCounts({ instruments, clock, traffic: this.#traffic, onOver });
    this.heardApp = {
      onRecord: (record) => this.#records.heard(record),
      onCall: (call) => this.#onCall(call),
      onForward: ({ lost }) => instruments.notForwarded.inc(lost),
    };
    this.onAlert = (outlet, result) => instruments.alerts.inc({ outlet, result });
    this.onSpans = (result, count) => instruments.spans.inc({ result }, count);
    const rules = new FewWords();
    this.heard = {
      onSample: (id, sample) => this.#samples.add(id, sample),
      onDenied: (way, rule) => {
        instruments.denials.inc({ way });
        instruments.ruleDenials.inc({ rule: rules.of(rule) });
      },
      onUnknownSession: () => instruments.unknownSessions.inc(),
      onAlarm: ({ kind, level }) => instruments.alarms.inc({ kind, level }),
      onCanary: (verdict) => {
        instruments.canaryRuns.inc({ result: verdict });
        if (verdict === 'unknown') return;
        instruments.canary.set(verdict === 'ok' ? 1 : 0);
        instruments.canaryTime.set(clock.now() / 1000);
      },
    };
  }

  /** From now on these are looked at. */
  look(sessions: () => readonly CountedSession[]): void {
    this.#sessions = sessions;
  }

  /** From now on a canary is made by itself so often: where none comes, that can be told. */
  expectCanaries(everyMs: number): void {
    this.#instruments.canaryEvery.set(everyMs / 1000);
  }

  /** Everything in Prometheus' text format. */
  async text(): Promise<string> {
    const { sessions, running, disk, diskFree, open } = this.#instruments;
    const all = this.#sessions();
    const alive = all.filter(({ isAlive }) => isAlive);
    sessions.set(alive.length);
    running.set(all.reduce((sum, { commands }) => sum + commands, 0));
    disk.set(all.reduce((sum, { diskBytes }) => sum + diskBytes, 0));
    open.set(all.reduce((sum, { egress }) => sum + (egress?.open ?? 0), 0));
    this.#samples.show(alive.map(({ id }) => id));
    for (const { id, egress, models } of all) {
      if (egress !== undefined) this.#traffic.connections(id, egress);
      this.#traffic.models(id, models);
    }
    const free = await this.#options.freeBytes();
    if (free !== undefined) diskFree.set(free);
    return this.#registry.metrics();
  }

  #onCall({ operation, result, durationMs }: HeardCall): void {
    this.#instruments.engineRequests.inc({ operation, result });
    this.#instruments.engineSeconds.observe({ operation }, durationMs / 1000);
  }
}
