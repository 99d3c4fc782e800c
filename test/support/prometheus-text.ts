/** Samples by name with labels in order of their names, such as `a_total{way="call"}`. */
export type Samples = ReadonlyMap<string, number>;

const sampleLine = /^([a-z][a-z0-9_]*)(?:\{(.*)\})? (NaN|[+-]Inf|-?[0-9.]+(?:e[+-]?[0-9]+)?)$/;
const labelText = /([a-z_][a-z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/y;

/**
 * Reads Prometheus' text format strictly: each metric has one HELP and one TYPE before its samples and all of them together, no sample is there
 * twice, counters end in `_total` and nothing else does, and histograms are cumulative up to their count. Throws on anything else.
 */
export function readPrometheusText(text: string): Samples {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const samples = new Map<string, number>();
  const types = new Map<string, string>();
  let current = '';
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const help = /^# HELP ([a-z][a-z0-9_]*) (\S.*)$/.exec(line)?.[1];
    const [, typed, type = ''] = /^# TYPE ([a-z][a-z0-9_]*) (counter|gauge|histogram)$/.exec(line) ?? [];
    if (help !== undefined) {
      if (types.has(help)) throw new Error(`${help} is there twice`);
      current = help;
    } else if (typed !== undefined) {
      if (typed !== current || types.has(typed)) throw new Error(`a type in the wrong place: ${line}`);
      if ((type === 'counter') !== typed.endsWith('_total')) throw new Error(`${typed} is a ${type}`);
      types.set(typed, type);
    } else addSample(samples, line, current, types.get(current));
  }
  checkHistograms(samples, types);
  return samples;
}

function addSample(samples: Map<string, number>, line: string, current: string, type: string | undefined): void {
  const [, name = '', labels, value = ''] = sampleLine.exec(line) ?? [];
  const owner = type === 'histogram' ? name.replace(/_(bucket|sum|count)$/, '') : name;
  if (type === undefined || owner !== current) throw new Error(`a sample in the wrong place: ${line}`);
  const key = keyOf(name, labels);
  if (samples.has(key)) throw new Error(`${key} is there twice`);
  samples.set(key, Number(value.replace('Inf', 'Infinity')));
}

function keyOf(name: string, labels: string | undefined): string {
  if (labels === undefined) return name;
  const found: string[] = [];
  labelText.lastIndex = 0;
  while (labelText.lastIndex < labels.length) {
    const match = labelText.exec(labels);
    if (match === null) throw new Error(`labels that can't be read: ${labels}`);
    found.push(`${match[1]}="${match[2]}"`);
  }
  return `${name}{${found.sort().join(',')}}`;
}

function checkHistograms(samples: Samples, types: ReadonlyMap<string, string>): void {
  const last = new Map<string, number>();
  for (const [key, value] of samples) {
    const [, name = '', labels = ''] = /^(.*)_bucket\{(.*)\}$/.exec(key) ?? [];
    if (types.get(name) !== 'histogram') continue;
    const series = `${name} ${labels.replace(/,?le="[^"]*"/, '').replace(/^,/, '')}`;
    if (value < (last.get(series) ?? 0)) throw new Error(`${key} is less than what lies below it`);
    last.set(series, value);
  }
  for (const [series, value] of last) {
    const [name = '', labels = ''] = series.split(' ');
    const count = samples.get(labels === '' ? `${name}_count` : `${name}_count{${labels}}`);
    if (count !== value) throw new Error(`${series} has ${value} in its buckets and counts ${String(count)}`);
  }
}
