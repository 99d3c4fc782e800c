import { safeLine, safeText } from '../kit/safe-text.js';
import { judge, type Outcome } from './outcome.js';
import type { AgentEvent, AgentExec, AgentResult, AgentUsage, StopReason } from './types.js';

const maxFinalChars = 100_000;
const maxTools = 100;
const maxEvents = 100;
const maxIdChars = 200;
const maxAnswerIds = 1000;

/** What is known of one run so far, as its output tells it; every part has a limit. */
export class RunRecord {
  turns = 0;
  usage: AgentUsage | undefined;
  /** How the agent itself says that it ended. */
  outcome: Outcome | undefined;
  readonly #sessionIds: RegExp;
  readonly #tools = new Map<string, number>();
  readonly #answerIds = new Set<string>();
  #sessionId: string | undefined;
  #trouble: Outcome | undefined;
  #words = '';
  #isSpeaking = false;
  #events: AgentEvent[] = [];

  /** `sessionIds` says what the agent's ids look like: whatever else it names is not offered for a resume. */
  constructor(sessionIds: RegExp) {
    this.#sessionIds = sessionIds;
  }

  isSession(id: string | undefined): void {
    if (id !== undefined && this.#sessionIds.test(id)) this.#sessionId = id;
  }

  /** Counts an answer of the model, once: agents tell one in several lines. False when it was counted already. */
  answers(id: string | undefined): boolean {
    if (id !== undefined && this.#answerIds.has(id)) return false;
    // A name, not a place to keep megabytes in.
    const isKept = id !== undefined && id.length <= maxIdChars && this.#answerIds.size < maxAnswerIds;
    if (isKept) this.#answerIds.add(id);
    this.#trouble = undefined;
    this.turns += 1;
    return true;
  }

  /** Trouble, as a rule with the provider, that need not be the end: said when nothing else explains one. */
  fails(message: string, httpStatus: number | undefined): void {
    const status = httpStatus === undefined ? {} : { httpStatus };
    this.#trouble = { isGood: false, stopReason: 'model-error', message, ...status };
    this.#tell('waits', `waits: ${safeLine(message, 160)}`);
  }

  /** The last it told of trouble, where no answer has come since. */
  get trouble(): string | undefined {
    return this.#trouble?.message;
  }

  /** What the agent says on the way; the last of it is the run's last words. */
  says(text: string): void {
    if (text.trim() === '') return;
    this.#words = text.slice(0, maxFinalChars + 1);
    this.#tell('says', `says: ${safeLine(text.slice(0, 1000), 120)}`);
  }

  /** The same in pieces; whatever else it does begins a new text. */
  saysMore(text: string): void {
    if (!this.#isSpeaking) {
      this.answers(undefined);
      this.says(text);
      this.#isSpeaking = true;
    } else {
      this.#words += text.slice(0, maxFinalChars + 1 - this.#words.length);
    }
  }

  thinks(): void {
    this.#tell('thinks', 'thinks');
  }

  /** `doing` is a line like "runs Bash: npm test". */
  uses(tool: string, doing: string): void {
    const name = safeLine(tool, 80);
    const count = this.#tools.get(name);
    if (count !== undefined || this.#tools.size < maxTools) this.#tools.set(name, (count ?? 0) + 1);
    this.#tell('uses', safeLine(doing, 160));
  }

  /** The agent says that it is done, with these last words if it has some. */
  finish(lastWords: string | undefined): void {
    if (lastWords !== undefined) this.#words = lastWords.slice(0, maxFinalChars + 1);
    this.outcome = { isGood: true, stopReason: 'completed' };
  }

  /** Why the run may as well be ended now: a refused key does not become a good one, but Claude Code tries for minutes. */
  wantsEnd(maxTurns: number): StopReason | undefined {
    if (this.outcome !== undefined) return undefined;
    if (this.turns >= maxTurns) return 'max-turns';
    const status = this.#trouble?.httpStatus;
    return status === 401 || status === 403 ? 'model-error' : undefined;
  }

  takeEvents(): AgentEvent[] {
    const events = this.#events.slice(-maxEvents);
    this.#events = [];
    return events;
  }

  /** `unread` says what of the output could not be read; `wantedEnd`, why the caller ended the command. */
  result(exec: AgentExec, unread: string, wantedEnd: StopReason | undefined): AgentResult {
    const end = judge({ exec, outcome: this.outcome, trouble: this.#trouble, unread, wantedEnd });
    const tools = [...this.#tools].map(([tool, count]) => ({ tool, count })).sort((a, b) => b.count - a.count);
    const status = end.httpStatus === undefined ? {} : { httpStatus: end.httpStatus };
    return {
      ok: end.isGood,
      finalText: safeText(this.#words, maxFinalChars),
      turns: this.turns,
      toolUses: tools,
      ...(this.usage === undefined ? {} : { usage: this.usage }),
      durationMs: exec.durationMs,
      ...(this.#sessionId === undefined ? {} : { agentSessionId: this.#sessionId }),
      stopReason: end.stopReason,
      ...(end.isGood ? {} : { error: { message: safeText(end.message ?? '', 2000), ...status } }),
    };
  }

  #tell(kind: AgentEvent['kind'], text: string): void {
    this.#isSpeaking = false;
    this.#events.push({ kind, text });
    if (this.#events.length > 2 * maxEvents) this.#events = this.#events.slice(-maxEvents);
  }
}
