import type { EgressAnswer, EgressQuestion } from '../../egress/approvals.js';
import type { Clock } from '../../kit/clock.js';
import { type Deferred, deferred } from '../../kit/deferred.js';

/** Something that a program in a session waits for until a person has said whether it may have it. */
export interface OpenQuestion extends EgressQuestion {
  readonly askedAtMs: number;
}

interface Asked {
  readonly question: OpenQuestion;
  readonly answered: Deferred<EgressAnswer>;
}

/** What people are asked about one session, and what they answer. Nobody answers for them: a question that is withdrawn is a no. */
export class Questions {
  readonly #clock: Clock;
  readonly #open = new Map<string, Asked>();
  readonly #listeners = new Set<(question: OpenQuestion, withdrawn: AbortSignal) => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The oldest first. */
  get list(): readonly OpenQuestion[] {
    return [...this.#open.values()].map(({ question }) => question);
  }

  /** Who can put questions to a person hears of each; the signal fires when it needs no answer any more. Returns how to stop that. */
  onAsked(listener: (question: OpenQuestion, withdrawn: AbortSignal) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  readonly ask = async (question: EgressQuestion, signal: AbortSignal): Promise<EgressAnswer> => {
    signal.throwIfAborted();
    const asked: Asked = { question: { ...question, askedAtMs: this.#clock.now() }, answered: deferred() };
    const over = new AbortController();
    const onAbort = () => asked.answered.resolve('deny');
    signal.addEventListener('abort', onAbort, { once: true });
    this.#open.set(question.rule, asked);
    try {
      for (const listener of this.#listeners) listener(asked.question, over.signal);
      return await asked.answered.promise;
    } finally {
      this.#open.delete(question.rule);
      signal.removeEventListener('abort', onAbort);
      over.abort();
    }
  };

  /** Answers the question that this rule would settle; false when there is none (any more). The first answer counts. */
  answer(rule: string, answer: EgressAnswer): boolean {
    const asked = this.#open.get(rule);
    if (asked === undefined) return false;
    this.#open.delete(rule);
    asked.answered.resolve(answer);
    return true;
  }
}
