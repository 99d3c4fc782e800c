/** What one session has used up, in all, as far as there can be caps on it. */
export interface Spent {
  /** That went to a provider. */
  readonly requests: number;
  /** Of every kind. */
  readonly tokens: number;
  readonly costUsd: number;
  /** Requests of unknown cost. */
  readonly unpriced: number;
  /** Of bodies, both ways. */
  readonly bytes: number;
}

export const nothingSpent: Spent = { requests: 0, tokens: 0, costUsd: 0, unpriced: 0, bytes: 0 };

/** What a session used up before this process held it, and who keeps that on. */
export interface Spending {
  readonly before: Spent;
  /** In all, what was before included, and the most that calls under way may yet use. Must not throw. */
  note(spent: Partial<Spent>): void;
}
