import { readFileSync } from 'node:fs';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { newInstruments } from '../../../src/metrics/instruments.js';
import { alarmKinds } from '../../../src/monitor/alarms/alarm.js';
import { type Dashboard, expressionsOf } from './support/dashboard.js';

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

const registry = new Registry();
newInstruments(registry);
const metrics = registry.getMetricsAsArray();
const names: readonly string[] = metrics.map(({ name }) => name);
/** As they are asked for: a histogram has three. */
const asked = metrics.flatMap(({ name, type }) =>
  // The enumeration of types is there for the compiler only.
  (type as unknown as string) === 'histogram' ? ['bucket', 'sum', 'count'].map((part) => `${name}_${part}`) : [name],
);
const mentioned = (text: string) => [...new Set(text.match(/\bpaddock_[a-z_]+/g) ?? [])];

/** By which something is added up, and those that are compared. */
function labelsIn(expr: string): readonly string[] {
  const sums = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list]) => (list ?? '').split(/, */));
  const compared = [...expr.matchAll(/(\w+) *(?:=~|!~|!=|=) *"/g)].map(([, label]) => label ?? '');
  return [...sums, ...compared];
}

/** Prometheus adds the first two, and a histogram has the third. */
function labelsOf(asks: readonly string[]): readonly string[] {
  const own = metrics.filter(({ name }) => asks.some((one) => one.startsWith(name)));
  // They are in the type of no metric that the registry shows.
  return ['instance', 'job', 'le', ...own.flatMap((metric) => (metric as { labelNames?: string[] }).labelNames ?? [])];
}

describe('what monitoring/ ships', () => {
  it.each(['paddock.rules.yml', 'paddock.rules.test.yml', 'grafana-dashboard.json'])(
    'names only metrics that there are, in %s',
    (file) => {
      const found = mentioned(read(`monitoring/${file}`));
      expect(found.length).toBeGreaterThan(5);
      expect(found.filter((name) => !asked.includes(name))).toEqual([]);
    },
  );

  it('has a test for every rule', () => {
    const rules = [...read('monitoring/paddock.rules.yml').matchAll(/- alert: (\w+)/g)].map(([, name]) => name);
    const tests = read('monitoring/paddock.rules.test.yml');
    expect(rules.length).toBeGreaterThan(5);
    expect(rules.filter((name) => !tests.includes(`alertname="${name ?? ''}"`))).toEqual([]);
  });

  it('has a dashboard whose panels each ask for something, have ids of their own, and do not overlap', () => {
    const { panels } = JSON.parse(read('monitoring/grafana-dashboard.json')) as Dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const empty = panels.filter(({ type, targets = [] }) => type !== 'row' && targets.length === 0);
    expect(empty.map(({ title }) => title)).toEqual([]);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)} ${y + Math.floor(i / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
  });

  it('asks metrics only for labels that they have', () => {
    const rules = [...read('monitoring/paddock.rules.yml').matchAll(/expr: (?:>-\n)?((?:.|\n)+?)\n {8}\w+:/g)].map(
      ([, expr]) => expr ?? '',
    );
    const all = [...rules, ...expressionsOf(read('monitoring/grafana-dashboard.json'))];
    const foreign = all.flatMap((expr) => labelsIn(expr).filter((label) => !labelsOf(mentioned(expr)).includes(label)));
    expect(rules.length).toBeGreaterThan(10);
    expect(foreign).toEqual([]);
    expect(labelsIn('sum by (instance, way) (x{level="a",kind!~"b"})')).toEqual(['instance', 'way', 'level', 'kind']);
  });

  it('is in the package', () => {
    expect((JSON.parse(read('package.json')) as { files: string[] }).files).toContain('monitoring');
  });
});

describe('docs/monitoring.md', () => {
  const document = read('docs/monitoring.md');

  it('has every metric, and no other', () => {
    const rows = document.split('\n').filter((line) => line.startsWith('| `paddock_'));
    expect(rows.flatMap((row) => mentioned(row.split('|')[1] ?? '')).sort()).toEqual([...names].sort());
  });

  it('has every kind of alarm', () => {
    expect(alarmKinds.filter((kind) => !new RegExp(`^\\| \`${kind}\` +\\|`, 'm').test(document))).toEqual([]);
  });
});
