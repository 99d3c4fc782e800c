/** Why a session ended, as the audit log has it (`because`); `idle` is that of `session.expire`. */
export const sessionEnds = ['asked', 'closing', 'deadline', 'idle', 'gone'] as const;

/** What becomes of commands besides their own ends: not run at all, or running on under somebody else. */
export const commandEnds = ['failed', 'let-go'] as const;

/** More would not be rules of ours. */
const mostWords = 256;

/** Lets so many words through, and calls the rest `other`: a label that could have any number of values would cost whoever stores them. */
export class FewWords {
  readonly #words = new Set<string>();

  of(word: string): string {
    if (this.#words.has(word)) return word;
    if (this.#words.size >= mostWords) return 'other';
    this.#words.add(word);
    return word;
  }
}
