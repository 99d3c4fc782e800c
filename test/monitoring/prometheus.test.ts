import { copyFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { CountedServer } from '../support/counted-server.js';
import { expressionsOf } from '../unit/metrics/support/dashboard.js';
import { Prometheus } from './support/prometheus.js';

interface Config {
  readonly scrape_configs: readonly {
    readonly job_name: string;
    readonly static_configs: readonly { readonly targets: readonly string[] }[];
  }[];
}
interface Rules {
  readonly groups: readonly { readonly rules: readonly { readonly name: string; readonly health: string }[] }[];
}
interface Targets {
  readonly activeTargets: readonly { readonly health: string; readonly lastError: string }[];
}
interface Found {
  readonly result: readonly { readonly metric: object; readonly value: readonly [number, string] }[];
}
interface Alerts {
  readonly alerts: readonly { readonly state: string; readonly labels: Readonly<Record<string, string>> }[];
}

const shipped = (name: string) => join(import.meta.dirname, '../../monitoring', name);

/** The example as it is shipped, but that there is no node_exporter here, the port is the server's, and nobody waits for 15 seconds. */
function configFor(example: string, url: string): string {
  const config = parse(example) as Config;
  const jobs = config.scrape_configs.filter(({ job_name }) => job_name === 'paddock');
  if (jobs[0]?.static_configs[0]?.targets[0] !== '127.0.0.1:9464') throw new Error('the example is another one');
  const static_configs = [{ targets: [new URL(url).host] }];
  const scrape_configs = jobs.map((job) => ({ ...job, scrape_interval: '1s', static_configs }));
  return stringify({ ...config, global: { evaluation_interval: '1s' }, scrape_configs });
}

describe('a real Prometheus, with the shipped rules and the shipped example, on a real server', () => {
  let folder: string;
  let log: string;
  let server: CountedServer;
  let prometheus: Prometheus;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pdk-prometheus-'));
    log = join(folder, 'audit.jsonl');
    server = await CountedServer.start(folder, log);
    const config = join(folder, 'prometheus.yml');
    await copyFile(shipped('paddock.rules.yml'), join(folder, 'paddock.rules.yml'));
    await writeFile(config, configFor(await readFile(shipped('prometheus.yml'), 'utf8'), server.url));
    prometheus = await Prometheus.start(folder, config);
  });
  afterAll(async () => {
    await prometheus[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  it('is read by it', async () => {
    const targets = async () => (await prometheus.ask<Targets>('targets')).activeTargets;
    await expect.poll(targets).toMatchObject([{ health: 'up', lastError: '', labels: { job: 'paddock' } }]);
  });

  it('has every rule loaded, and evaluated without an error', async () => {
    const { groups } = parse(await readFile(shipped('paddock.rules.yml'), 'utf8')) as {
      groups: { rules: { alert: string }[] }[];
    };
    const names = groups.flatMap(({ rules }) => rules.map(({ alert }) => alert));
    expect(names.length).toBeGreaterThan(5);
    const rules = async () => (await prometheus.ask<Rules>('rules')).groups.flatMap((group) => group.rules);
    await expect
      .poll(async () => (await rules()).map(({ name, health }) => [name, health]))
      .toEqual(names.map((name) => [name, 'ok']));
  });

  it('answers what the dashboard asks, with the values of the server', async () => {
    const expressions = expressionsOf(await readFile(shipped('grafana-dashboard.json'), 'utf8'));
    const valuesOf = async (query: string) =>
      (await prometheus.ask<Found>('query', { query })).result.map(({ value }) => value[1]);
    const all = await Promise.all(expressions.map(async (query) => [query, await valuesOf(query)] as const));
    const of = (metric: string) => all.filter(([query]) => query.includes(metric)).map(([, values]) => values);
    expect(of('(paddock_sessions{')).toEqual([['0']]);
    expect(of('paddock_audit_writable')).toEqual([['1']]);
  });

  it('raises the alert of an audit log that can not be written, where one can not', async () => {
    await rename(log, `${log}.away`);
    await mkdir(log, { mode: 0o700 });
    expect(await server.refusalOf('no_such_tool')).toBe('AUDIT_UNWRITABLE');
    const firing = async () => {
      const { alerts } = await prometheus.ask<Alerts>('alerts');
      return alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels['alertname']);
    };
    await expect.poll(firing).toContain('PaddockAuditFailing');
  });
});
