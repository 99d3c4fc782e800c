import { PaddockError, toPaddockError } from '../../core/errors.js';
import type { SessionId } from '../../core/ids.js';
import { formatBytes } from '../../core/units.js';
import { type HostLoad, HostLoadReader } from '../../doctor/host-load.js';
import { systemClock } from '../../kit/clock.js';
import { known } from '../../kit/known.js';
import { UsageReader } from '../../monitor/usage-reader.js';
import { alarmsText } from '../../monitor/usage-text.js';
import type { HeldUsage } from '../../session/control/messages.js';
import type { SessionRecord } from '../../session/record.js';
import { App } from '../app.js';
import { type CliCommand, type CommandContext, isSet } from '../command.js';
import { report, write } from '../output.js';
import { RecordedUsage } from '../recorded-usage.js';
import { stateAndUsageOf, whyLines } from '../session-state.js';
import { settingsOf } from '../settings.js';
import { type StatsRow, statsTable } from '../stats-rows.js';
import { oneId, recordOf } from './detached.js';

/** A CPU rate takes two looks. */
const betweenLooksMs = 250;
const everyMs = 1000;
/** Cursor to the top left, and everything behind it cleared; drawn over so nothing flickers. */
const home = '\u001b[H';
const clearRest = '\u001b[J';
const clearLine = '\u001b[K';

export const stats: CliCommand = {
  name: 'stats',
  usage: 'stats [ID] [--watch]',
  summary: 'what the sessions of this user use: memory, CPU, processes',
  mostPositionals: 1,
  options: { watch: { type: 'boolean', help: 'again every second, until interrupted' } },
  async run(context) {
    const isWatching = isSet(context, 'watch');
    if (isWatching && context.json) {
      throw new PaddockError('BAD_ARGUMENT', '--json prints one document and --watch has no end', {
        hint: 'Call `paddock stats --json` as often as you like.',
      });
    }
    await using app = new App(await settingsOf(context), context.env);
    const view = new StatsView(app, context);
    if (isWatching) await view.watch();
    else await view.once();
    return 0;
  },
};

class StatsView {
  readonly #app: App;
  readonly #context: CommandContext;
  readonly #usage = new RecordedUsage(new UsageReader(), systemClock);
  readonly #host = new HostLoadReader(systemClock);

  constructor(app: App, context: CommandContext) {
    this.#app = app;
    this.#context = context;
  }

  async once(): Promise<void> {
    this.#usage.read(await this.#records());
    const [load] = await Promise.all([this.#host.read(), systemClock.sleep(betweenLooksMs, this.#context.signal)]);
    const rows = await this.#rows();
    const sessions = rows.map(({ record, state, stateWhy, usage, held }) => ({
      ...{ sessionId: record.id, ...known({ name: record.name }), state, ...known({ stateWhy }) },
      ...{ kind: record.kind, ownerPid: record.owner.pid, limits: limitsOf(record), ...known({ usage }) },
      ...known({ trends: held.trends, alarms: held.alarms }),
    }));
    const text = [statsTable(rows), ...whyLines(sessions), ...alarmLines(rows), hostText(load)].join('\n');
    await report(this.#context, { host: load, sessions }, text);
  }

  /** On a terminal in one place, elsewhere one table after the other. Ends when the one session that was named has. */
  async watch(): Promise<void> {
    const { terminal } = this.#context;
    const { screen } = terminal;
    if (screen !== undefined) await write(terminal.stdout, `${home}${clearRest}`);
    this.#usage.read(await this.#records());
    while (await this.#pause()) {
      const [rows, load] = [await this.#rows().catch(noneLeft), await this.#host.read()];
      const lines = [...statsTable(rows).split('\n'), ...alarmLines(rows), hostText(load)];
      const text = screen === undefined ? `${lines.join('\n')}\n\n` : framed(lines, screen.size());
      await write(terminal.stdout, text);
      if (this.#context.positionals.length > 0 && rows.every(({ state }) => state !== 'running')) return;
    }
  }

  /** False when it was interrupted. */
  #pause(): Promise<boolean> {
    return systemClock.sleep(everyMs, this.#context.signal).then(
      () => true,
      () => false,
    );
  }

  async #records(): Promise<readonly SessionRecord[]> {
    const { positionals } = this.#context;
    const records =
      positionals.length > 0 ? [await recordOf(this.#app, oneId(positionals))] : (await this.#app.store.list()).records;
    return records.sort((a, b) => a.createdAtMs - b.createdAtMs);
  }

  /** What is to be seen from here and, of those that can't be seen, what their holders say; of all, what only those know. */
  async #rows(): Promise<readonly HeldRow[]> {
    const records = await this.#records();
    const samples = this.#usage.read(records);
    const rows = records.map(async (record) => {
      const controlPath = this.#app.store.controlPath(record.id as SessionId);
      const { seen, held } = await stateAndUsageOf(record, controlPath, this.#context.signal);
      return { record, ...seen, held, ...known({ usage: samples.get(record.id) ?? held.usage }) };
    });
    return await Promise.all(rows);
  }
}

/** With what whoever holds it says; nothing where nobody does, or who does can't say. */
interface HeldRow extends StatsRow {
  readonly held: HeldUsage;
}

/** Below the table: what is alarming now. */
function alarmLines(rows: readonly HeldRow[]): readonly string[] {
  return rows.flatMap(({ record, held: { alarms = [] } }) =>
    alarmsText(alarms.filter(({ inForce }) => inForce)).map((line) => `${record.id}: ${line}`),
  );
}

/** A session that was removed while it was watched has ended. */
function noneLeft(thrown: unknown): readonly HeldRow[] {
  if (toPaddockError(thrown).code !== 'NO_SUCH_SESSION') throw thrown;
  return [];
}

function limitsOf({ spec: { limits } }: SessionRecord) {
  const { memoryBytes, cpuMillis, pids } = limits;
  return { memoryBytes, cpuMillis, pids };
}

function hostText({ load1, cpuCount, memoryAvailableBytes, memoryTotalBytes, swapUsedBytes }: HostLoad): string {
  const swap = swapUsedBytes > 0 ? `, ${formatBytes(swapUsedBytes)} of swap in use` : '';
  const memory = `${formatBytes(memoryAvailableBytes)} of ${formatBytes(memoryTotalBytes)} memory free`;
  return `host: load ${load1.toFixed(2)} on ${cpuCount} processors, ${memory}${swap}`;
}

/** Cut to the screen, or its lines would wrap and the next picture would not cover this one. */
function framed(lines: readonly string[], { rows, columns }: { rows: number; columns: number }): string {
  const shown = lines.slice(0, Math.max(1, rows - 1)).map((line) => `${line.slice(0, columns)}${clearLine}`);
  return `${home}${shown.join('\n')}\n${clearRest}`;
}
