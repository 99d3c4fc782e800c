import type { Engine } from '../src/engine/types.js';
import { McpClient } from '../test/e2e/support/client.js';
import { Place } from '../test/e2e/support/place.js';
import { Stage } from '../test/engine/support/stage.js';
import { BareEngine } from './bare.js';
import { burst, type CommandBench, commandRounds, type Way, type Ways } from './commands.js';
import { freshContainer } from './rounds.js';
import { percentile, tenths } from './statistics.js';
import { type Rates, throughput } from './throughput.js';
import { newWatch, watched } from './watched-engine.js';
import { type Weight, weigh } from './weight.js';

export interface CommandReport {
  readonly exec: readonly ExecRow[];
  readonly bursts: readonly { readonly way: Way; readonly after100Ms: number; readonly at50Ms: number }[];
  readonly rates: readonly Rates[];
  readonly weight: Weight;
}

interface ExecRow {
  readonly way: Way;
  readonly n: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** How many times as fast as the engine's REST exec. */
  readonly fasterP50: number;
  readonly fasterP99: number;
}

const request = { workspace: 'none', lifetime: '20m', memory: '256m' } as const;

/** Commands in a running sandbox: ours by every layer, and the engine's own, all in one run. */
export async function measureCommands(engine: Engine, n: number): Promise<CommandReport> {
  const watch = newWatch();
  await using stage = await Stage.open(engine.identity.kind, { engine: watched(engine, watch) });
  await using bare = new BareEngine(engine.identity);
  await using place = await Place.make();
  await using client = await McpClient.start(place, { PADDOCK_ENGINE: `unix://${engine.identity.socketPath}` });
  const session = await stage.create(request);
  const bareId = await bare.create(...freshContainer(watch));
  const clientSession = await client.create(request);
  const bench: CommandBench = { identity: engine.identity, session, bare, bareId, client, clientSession };
  const rates = await throughput(bench, 3);
  const exec = execRows(await commandRounds(bench, n));
  const bursts: CommandReport['bursts'][number][] = [];
  for (const way of ['session', 'execute_command', 'rest'] as const) {
    const [after100Ms, at50Ms] = [await burst(bench, way, 100, 1), await burst(bench, way, 50, 50)];
    bursts.push({ way, after100Ms: Math.round(after100Ms), at50Ms: Math.round(at50Ms) });
  }
  return { exec, bursts, rates, weight: await weigh(bench) };
}

function execRows(samples: Ways): ExecRow[] {
  const rest = samples.rest ?? [];
  return (Object.entries(samples) as [Way, number[]][]).map(([way, times]) => ({
    way,
    n: times.length,
    p50Ms: hundredths(percentile(times, 50)),
    p99Ms: hundredths(percentile(times, 99)),
    fasterP50: tenths(percentile(rest, 50) / percentile(times, 50)),
    fasterP99: tenths(percentile(rest, 99) / percentile(times, 99)),
  }));
}

const hundredths = (ms: number): number => Math.round(ms * 100) / 100;

/** As docs/performance.md holds it. */
export function commandTables({ exec, bursts, rates, weight }: CommandReport): string {
  const rateOf = (what: string) => rates.find((r) => r.what === what)?.mibPerSecond ?? Number.NaN;
  return [
    '| exec of true | n | p50 / p99 ms | times as fast as REST, p50 / p99 |',
    '|---|---|---|---|',
    ...exec.map((r) => `| ${r.way} | ${r.n} | ${r.p50Ms} / ${r.p99Ms} | ${r.fasterP50} / ${r.fasterP99} |`),
    '',
    '| commands | 100 in turn ms | 50 at once ms |',
    '|---|---|---|',
    ...bursts.map((b) => `| ${b.way} | ${b.after100Ms} | ${b.at50Ms} |`),
    '',
    '| throughput | MiB/s | times the REST exec |',
    '|---|---|---|',
    ...rates.map(({ what, mibPerSecond }) => {
      const base = rateOf(what.startsWith('output') ? 'output, REST exec' : 'input, REST exec');
      return `| ${what} | ${mibPerSecond} | ${tenths(mibPerSecond / base)} |`;
    }),
    '',
    `paddock-init: ${weight.initBytesOnDisk} bytes on disk, ${weight.initRssKib} KiB resident. An idle session costs the ` +
      `server ${weight.serverKibPerSession} KiB (mean of ${weight.idleSessions}). 1,000 commands after 200: server ` +
      `${weight.serverGrowthKib} KiB, ${weight.serverGrowthFds} descriptors.`,
  ].join('\n');
}
