import { PaddockError, toPaddockError } from '../../core/errors.js';
import type { SessionId } from '../../core/ids.js';
import { formatBytes } from '../../core/units.js';
import { type HostLoad, HostLoadReader } from '../../doctor/host-load.js';
import { systemClock } from '../../kit/clock.js';
import { known } from '../../kit/known.js';
import { UsageReader } from '../../monitor/usage-reader.js';
import { alarmsText } from '../../monitor/usage-text.js';
import { usageOfHeld } from '../../session/control/client.js';
import type { HeldUsage } from '../../session/control/messages.js';
import type { SessionRecord } from '../../session/record.js';
import { App } from '../app.js';
import { type CliCommand, type CommandContext, isSet } from '../command.js';
import { presentHolder } from '../holder.js';
import { report, write } from '../output.js';
import { RecordedUsage } from '../recorded-usage.js';
import { stateOf, whyLines } from '../session-state.js';
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
    await this.#rows();
    const [load] = await Promise.all([this.#host.read(), systemClock.sleep(betweenLooksMs, this.#context.signal)]);
    const { rows, held } = await this.#heldRows();
    const sessions = rows.map(({ record, state, stateWhy, usage }) => ({
      ...{ sessionId: record.id, ...known({ name: record.name }), state, ...known({ stateWhy }) },
      ...{ kind: record.kind, ownerPid: record.owner.pid, limits: limitsOf(record), ...known({ usage }) },
      ...known({ trends: held.get(record.id)?.trends, alarms: held.get(record.id)?.alarms }),
    }));
    const text = [statsTable(rows), ...whyLines(sessions), ...alarmLines(held), hostText(load)].join('\n');
    await report(this.#context, { host: load, sessions }, text);
  }

  /** With what their holders say of those that can't be seen from here. */
  async #heldRows(): Promise<{ rows: readonly StatsRow[]; held: ReadonlyMap<string, HeldUsage> }> {
    const seen = await this.#rows();
    const held = new Map(await Promise.all(seen.map(async (row) => [row.record.id, await this.#ask(row)] as const)));
    const rows = seen.map((row) => ({ ...row, ...known({ usage: row.usage ?? held.get(row.record.id)?.usage }) }));
    return { rows, held };
  }

  /** On a terminal in one place, elsewhere one table after the other. Ends when the one session that was named has. */
  async watch(): Promise<void> {
    const { terminal } = this.#context;
    const { screen } = terminal;
    if (screen !== undefined) await write(terminal.stdout, `${home}${clearRest}`);
    await this.#rows();
    while (await this.#pause()) {
      const [{ rows, held }, load] = [await this.#heldRows().catch(noneLeft), await this.#host.read()];
      const lines = [...statsTable(rows).split('\n'), ...alarmLines(held), hostText(load)];
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

  async #rows(): Promise<readonly StatsRow[]> {
    const { positionals } = this.#context;
    const records =
      positionals.length > 0 ? [await recordOf(this.#app, oneId(positionals))] : (await this.#app.store.list()).records;
    const samples = this.#usage.read(records);
    const rows = records
      .sort((a, b) => a.createdAtMs - b.createdAtMs)
      .map(async (record) => {
        const usage = samples.get(record.id);
        const controlPath = this.#app.store.controlPath(record.id as SessionId);
        return { record, ...(await stateOf(record, controlPath, this.#context.signal)), ...known({ usage }) };
      });
    return await Promise.all(rows);
  }

  /** What only its holder knows; nothing where nobody holds it, or who does can't say. */
  async #ask({ record }: StatsRow): Promise<HeldUsage> {
    const socket = await presentHolder(this.#app, record);
    return (socket === undefined ? undefined : await usageOfHeld(socket, this.#context.signal)) ?? {};
  }
}

/** Below the table: what is alarming now. */
function alarmLines(held: ReadonlyMap<string, HeldUsage>): readonly string[] {
  return [...held].flatMap(([id, { alarms = [] }]) =>
    alarmsText(alarms.filter(({ inForce }) => inForce)).map((line) => `${id}: ${line}`),
  );
}

/** A session that was removed while it was watched has ended. */
function noneLeft(thrown: unknown): { rows: readonly StatsRow[]; held: ReadonlyMap<string, HeldUsage> } {
  if (toPaddockError(thrown).code !== 'NO_SUCH_SESSION') throw thrown;
  return { rows: [], held: new Map() };
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
