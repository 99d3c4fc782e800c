/** `1 change`, `2 changes`; the word is one that takes an s. */
export function countOf(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}
