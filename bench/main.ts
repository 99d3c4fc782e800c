import { userInfo } from 'node:os';
import { parseArgs } from 'node:util';
import { openEngine } from '../src/engine/open.js';
import type { Engine } from '../src/engine/types.js';
import { Stage } from '../test/engine/support/stage.js';
import { BareEngine } from './bare.js';
import { type CommandReport, commandTables, measureCommands } from './command-report.js';
import { type Confined, confinedText, measureConfined } from './confined.js';
import { noResults, type Results, singleRound, togetherRound } from './rounds.js';
import { percentile, type Row, rowOf, table, tenths } from './statistics.js';
import { newWatch, watched } from './watched-engine.js';
import { measureWatching, type Watching, watchingText } from './watching.js';

/**
 * npm run bench -- [--n 30] [--together 5] [--commands 100] [--watched 50] [--confined 0 [--load CMD --unload CMD]] [--json]
 *
 * 0 leaves that part out. `--confined`: pairs of creates with and without our profile of the kernel's security module.
 *
 * Measures Paddock against the bare calls it stands on, interleaved in one run, on every engine that answers. Needs
 * `npm run build` (process 1). Ends every container it makes; the engine keeps Paddock's host image.
 */
interface Report {
  readonly engine: string;
  readonly rows: readonly Row[];
  /** The engine's calls inside a create, p50 in milliseconds; single creates only. */
  readonly calls: readonly { readonly call: string; readonly paddockMs: number; readonly bareMs: number }[];
  readonly commands?: CommandReport;
  readonly watching?: Watching;
  readonly confined?: Confined;
}

const warmUps = 2;
const callNames = ['create', 'start', 'inspect'] as const;

async function measure(engine: Engine, n: number, together: number): Promise<Report> {
  const watch = newWatch();
  await using stage = await Stage.open(engine.identity.kind, { engine: watched(engine, watch) });
  const { sessions } = stage;
  await using bare = new BareEngine(engine.identity);
  const bench = { sessions, bare, watch };
  for (let i = 0; i < warmUps; i += 1) await singleRound(bench, noResults(), true);
  for (const name of callNames) watch.steps[name].length = bare.steps[name].length = 0;
  const results = noResults();
  for (let i = 0; i < n; i += 1) await singleRound(bench, results, i % 2 === 0);
  const calls = callNames.map((call) => ({
    ...{ call, paddockMs: tenths(percentile(watch.steps[call], 50)), bareMs: tenths(percentile(bare.steps[call], 50)) },
  }));
  for (let i = 0; i < together; i += 1) await togetherRound(bench, results, i % 2 === 0);
  return { engine: `${engine.identity.kind} ${engine.identity.version}`, rows: rowsOf(results), calls };
}

function nothing({ identity }: Engine): Report {
  return { engine: `${identity.kind} ${identity.version}`, rows: [], calls: [] };
}

function rowsOf(results: Results): Row[] {
  return [
    rowOf('create to ready', results.create),
    rowOf('exec of true', results.exec),
    rowOf('destroy', results.destroy),
    rowOf('8 creates at once', results.together),
  ];
}

/** The engines named for the tests, or else the one that Paddock finds. */
async function engines(): Promise<Engine[]> {
  const uid = userInfo().uid;
  const runtime = process.env['XDG_RUNTIME_DIR'] ?? `/run/user/${uid}`;
  // Docker first: what Podman's execs leave behind them lives for minutes, in the same user's name.
  const sockets = [
    process.env['PADDOCK_TEST_DOCKER_SOCKET'] ?? `${runtime}/docker.sock`,
    process.env['PADDOCK_TEST_PODMAN_SOCKET'] ?? `${runtime}/podman/podman.sock`,
  ];
  const options = { env: process.env, uid, policy: { rootfulAllowed: false, tcpAllowed: false } };
  const opened = await Promise.all(
    sockets.map((path) =>
      openEngine({ ...options, endpoint: `unix://${path}` }).catch((error: unknown) => {
        console.error(`left out: ${error instanceof Error ? error.message : String(error)}`);
        return undefined;
      }),
    ),
  );
  const usable = opened.filter((engine) => engine !== undefined);
  return usable.length > 0 ? usable : [await openEngine(options)];
}

const { values } = parseArgs({
  options: {
    n: { type: 'string', default: '30' },
    together: { type: 'string', default: '5' },
    commands: { type: 'string', default: '100' },
    watched: { type: 'string', default: '50' },
    confined: { type: 'string', default: '0' },
    load: { type: 'string' },
    unload: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const reports: Report[] = [];
for (const engine of await engines()) {
  await using owned = engine;
  const commands =
    Number(values.commands) > 0 ? { commands: await measureCommands(owned, Number(values.commands)) } : {};
  const [n, together] = [Number(values.n), Number(values.together)];
  const life = n > 0 ? await measure(owned, n, together) : nothing(owned);
  const sessions = Number(values.watched);
  const watching = sessions > 0 ? { watching: await measureWatching(owned, sessions) } : {};
  const { load, unload } = values;
  const switches = load === undefined || unload === undefined ? undefined : { load, unload };
  const pairs = Number(values.confined);
  const confined = pairs > 0 ? { confined: await measureConfined(owned, pairs, switches) } : {};
  reports.push({ ...life, ...commands, ...watching, ...confined });
}
if (values.json) {
  console.log(JSON.stringify({ schemaVersion: 1, node: process.version, reports }, undefined, 2));
} else {
  for (const { engine, rows, calls, commands, watching, confined } of reports) {
    console.log(`\n${engine}`);
    const inside = calls.map((c) => `${c.call} ${c.paddockMs} (bare ${c.bareMs})`).join(', ');
    if (rows.length > 0) console.log(`\n${table(rows)}\n\nThe engine's calls inside a create, p50 ms: ${inside}.`);
    if (commands !== undefined) console.log(`\n${commandTables(commands)}`);
    if (watching !== undefined) console.log(`\n${watchingText(watching)}`);
    if (confined !== undefined) console.log(`\n${confinedText(confined)}`);
  }
}
