import { agents } from '../../agents/all.js';
import { ReadingPace } from '../../agents/reading-pace.js';
import type { AgentEvent, AgentParser } from '../../agents/types.js';
import { toPaddockError } from '../../core/errors.js';
import type { SessionCommand } from '../session-command.js';
import { resultOf } from '../session-command.js';
import { ChangeWatch } from './changed-files.js';
import type { AgentMeans, AgentSession, AskedRun } from './means.js';
import { planRun } from './plan-run.js';
import { reportOf, UsageMark } from './report.js';
import type { AgentReport, AgentRun } from './types.js';

const keptLines = 20;

/**
 * Starts an agent in a session, and returns as soon as it runs: a command of the session like any other, with its limits, its log and its record
 * in the audit log. It ends by itself, at its timeout, or as any command is ended; its report follows in either case. `signal` is for what
 * comes before the start. Errors: LIMIT_REACHED, those of `planRun` and `Session.start`.
 */
export function startAgent(
  session: AgentSession,
  asked: AskedRun,
  means: AgentMeans,
  signal: AbortSignal,
): Promise<AgentRun> {
  return session.agents.begin(async () => {
    const { request, broker } = await planRun(session, asked, means, signal);
    const changes = await ChangeWatch.begin(session, means);
    const usage = new UsageMark(broker);
    const { maxTurns } = asked.request;
    const pace = new ReadingPace(() => means.clock.monotonic());
    const reader = new Reader(agents[asked.agent].newParser({ maxTurns, pace }), asked.onEvents);
    signal.throwIfAborted();
    const entry = await session.start(request, {
      ...{ signal: reader.stop.signal, isForgiving: true },
      onOutput: (stream, chunk) => {
        if (stream === 'stdout') reader.take(chunk);
      },
    });
    return new LiveRun(asked.agent, entry, reader, async () => {
      const result = resultOf(entry);
      const said = reader.parser.end({
        ...{ exitCode: result.exitCode, reason: result.reason, durationMs: result.usage.durationMs },
        ...(result.signal === undefined ? {} : { signal: result.signal }),
        stderrTail: result.stderr.text.slice(-4000),
      });
      const { agent } = asked;
      return reportOf({ agent, said, result, usage: usage.since(), changedFiles: await changes.end() });
    });
  });
}

/** Reads what the agent prints as it comes, and ends it when its parser has had enough. */
class Reader {
  readonly parser: AgentParser;
  readonly stop = new AbortController();
  readonly #onEvents: AskedRun['onEvents'];
  doing: readonly string[] = [];
  told = 0;

  constructor(parser: AgentParser, onEvents: AskedRun['onEvents']) {
    this.parser = parser;
    this.#onEvents = onEvents;
  }

  take(chunk: Uint8Array): void {
    const events: readonly AgentEvent[] = this.parser.push(chunk);
    if (this.parser.wantsEnd !== undefined) this.stop.abort();
    if (events.length === 0) return;
    this.told += events.length;
    this.doing = [...this.doing, ...events.map(({ text }) => text)].slice(-keptLines);
    this.#onEvents?.(events);
  }
}

class LiveRun implements AgentRun {
  readonly agent: AgentRun['agent'];
  readonly entry: SessionCommand;
  readonly settled: Promise<void>;
  outcome?: NonNullable<AgentRun['outcome']>;
  readonly #reader: Reader;

  constructor(agent: AgentRun['agent'], entry: SessionCommand, reader: Reader, report: () => Promise<AgentReport>) {
    this.agent = agent;
    this.entry = entry;
    this.#reader = reader;
    this.settled = this.#settle(report);
  }

  get doing(): readonly string[] {
    return this.#reader.doing;
  }

  get told(): number {
    return this.#reader.told;
  }

  async #settle(report: () => Promise<AgentReport>): Promise<void> {
    await this.entry.settled;
    try {
      this.outcome = { report: await report() };
    } catch (error) {
      this.outcome = { error: toPaddockError(error) };
    }
  }
}
