import type { TracingSettings } from '../config/tracing.js';
import { version } from '../core/version.js';
import { systemClock } from '../kit/clock.js';
import type { Disposables } from '../kit/disposables.js';
import type { OnSpans } from '../tracing/span.js';
import type { Tracer } from '../tracing/tracer.js';

export interface TracingMeans {
  /** Sends what is left at its end. */
  readonly stack: Disposables;
  readonly onStart?: (url: string) => void;
  /** Traces begin to be lost. */
  readonly onLost: (why: string) => void;
  readonly onSpans?: OnSpans | undefined;
}

/** What traces the calls of this process; undefined where nobody asked for it, and then nothing of it is loaded. */
export async function tracingHere(
  settings: TracingSettings | undefined,
  { stack, onStart, onLost, onSpans }: TracingMeans,
): Promise<Tracer | undefined> {
  if (settings === undefined) return undefined;
  const [{ Tracer }, { SpanExporter }, { newSampler }] = await Promise.all([
    import('../tracing/tracer.js'),
    import('../tracing/exporter.js'),
    import('../tracing/sampler.js'),
  ]);
  const { url, serviceName, sampler, ratio } = settings;
  const heard = toldOnce(onLost, onSpans);
  const resource = { 'service.name': serviceName, 'service.version': version, 'process.pid': process.pid };
  const exporter = stack.use(new SpanExporter({ url, resource, version, clock: systemClock, onSpans: heard }));
  onStart?.(url);
  const add = exporter.add.bind(exporter);
  return new Tracer({ clock: systemClock, isSampled: newSampler(sampler, ratio), add, onSpans: heard });
}

/** A failure is said when it begins, not with each batch. */
function toldOnce(onLost: TracingMeans['onLost'], onSpans: OnSpans | undefined): OnSpans {
  let isFailing = false;
  return (result, count, why) => {
    onSpans?.(result, count, why);
    if (result !== 'sent' && !isFailing) onLost(why ?? 'nobody knows why');
    isFailing = result !== 'sent';
  };
}
