import { JsonLines } from './json-lines.js';
import type { RunRecord } from './run-record.js';
import type { AgentEvent, AgentExec, AgentParser, AgentResult, ParserOptions, StopReason } from './types.js';

/** A parser for agents that print one JSON object a line. `read` notes what one says; it must not throw. */
export class LineParser implements AgentParser {
  readonly #lines: JsonLines;
  readonly #record: RunRecord;
  readonly #read: (line: object, record: RunRecord) => void;
  readonly #maxTurns: number;

  constructor(record: RunRecord, read: (line: object, record: RunRecord) => void, options: ParserOptions) {
    const { maxTurns = Infinity, pace } = options;
    this.#lines = new JsonLines(undefined, pace === undefined ? undefined : (bytes) => pace.allows(bytes));
    this.#record = record;
    this.#read = read;
    this.#maxTurns = maxTurns;
  }

  get wantsEnd(): StopReason | undefined {
    return this.#record.wantsEnd(this.#maxTurns);
  }

  push(chunk: Uint8Array): AgentEvent[] {
    for (const line of this.#lines.push(chunk)) this.#read(line, this.#record);
    return this.#record.takeEvents();
  }

  end(exec: AgentExec): AgentResult {
    for (const line of this.#lines.end()) this.#read(line, this.#record);
    const { badLines, longLines, skippedBytes } = this.#lines;
    const bad = badLines === 0 ? '' : `${badLines} lines of its output were no JSON`;
    const long = longLines === 0 ? '' : `${longLines} lines were too long to be read`;
    const fast = skippedBytes === 0 ? '' : `${skippedBytes} bytes of it came too fast to be read`;
    return this.#record.result(exec, [bad, long, fast].filter(Boolean).join(', '), this.wantsEnd);
  }
}
