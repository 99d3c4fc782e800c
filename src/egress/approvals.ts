import type { EgressWay } from '../core/egress.js';
import type { Clock } from '../kit/clock.js';
import { timeUp, within } from './within.js';

export const egressAnswers = ['allow-once', 'allow-session', 'deny'] as const;
export type EgressAnswer = (typeof egressAnswers)[number];

/** What a person is asked: whether the session may go there. */
export interface EgressQuestion {
  readonly host: string;
  readonly port: number;
  readonly via: EgressWay;
  /** Canonical text of the rule that would allow it. */
  readonly rule: string;
}

/** The signal fires when the answer does not matter any more. */
export type Ask = (question: EgressQuestion, signal: AbortSignal) => Promise<EgressAnswer>;

/** A sandbox may ask for as many hosts as it likes, and a person is to be shown few. */
const mostAtOnce = 8;
const mostDeclined = 1000;
/** Noes and silences of a session, after which nobody is bothered any more: whoever is asked for long enough says yes. */
const mostNoes = 20;

/** Asks once for what several connections want at the same time. Whatever goes wrong is no. */
export class Approvals {
  readonly #ask: Ask;
  readonly #askMs: number;
  readonly #clock: Clock;
  readonly #open = new Map<string, Promise<EgressAnswer>>();
  /** What somebody said no to is not asked again. */
  readonly #declined = new Set<string>();
  #noes = 0;
  readonly #over = new AbortController();

  constructor(options: { readonly ask: Ask; readonly askMs: number; readonly clock: Clock }) {
    this.#ask = options.ask;
    this.#askMs = options.askMs;
    this.#clock = options.clock;
  }

  /** Withdraws all questions. */
  close(): void {
    this.#over.abort();
  }

  async answerTo(question: EgressQuestion, signal: AbortSignal): Promise<EgressAnswer> {
    if (this.#declined.has(question.rule)) return 'deny';
    const running = this.#open.get(question.rule);
    if (running === undefined && (this.#open.size >= mostAtOnce || this.#noes >= mostNoes)) return 'deny';
    const asked = running ?? this.#start(question);
    const answer = await within(asked, this.#askMs, this.#clock, signal);
    return answer === timeUp ? 'deny' : answer;
  }

  #start(question: EgressQuestion): Promise<EgressAnswer> {
    const asked = this.#askInTime(question).finally(() => this.#open.delete(question.rule));
    this.#open.set(question.rule, asked);
    return asked;
  }

  async #askInTime(question: EgressQuestion): Promise<EgressAnswer> {
    const withdrawn = new AbortController();
    const signal = AbortSignal.any([withdrawn.signal, this.#over.signal]);
    try {
      const answer = await within(this.#ask(question, signal), this.#askMs, this.#clock, this.#over.signal);
      if (answer === 'deny' || answer === timeUp) this.#noes += 1;
      if (answer === 'deny' && this.#declined.size < mostDeclined) this.#declined.add(question.rule);
      return answer === timeUp ? 'deny' : answer;
    } catch {
      return 'deny';
    } finally {
      withdrawn.abort();
    }
  }
}
