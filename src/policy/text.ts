import type { RuleId } from './rules.js';
import { deny } from './verdict.js';

const control = /\p{Cc}/u;
/** Unpaired surrogates have no UTF-8 form: what the engine would get is not what was judged. */
const lone = /\p{Cs}/u;

/** One line of plain text within `maxChars`, or a refusal. */
export function plainLine(value: string, what: string, maxChars: number, ruleId: RuleId = 'request.text'): string {
  if (value.length > maxChars) deny(ruleId, `${what} is longer than ${maxChars} characters`);
  if (control.test(value)) deny(ruleId, `${what} holds a control character`);
  if (lone.test(value)) deny(ruleId, `${what} is not valid Unicode`);
  return value;
}

/** The candidate nearest to `word` when it is near enough to be meant. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  if (word.length > 40) return undefined;
  const scored = candidates
    .map((name) => ({ name, distance: editDistance(word.toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  const best = scored[0];
  return best !== undefined && best.distance <= Math.max(1, Math.floor(word.length / 3)) ? best.name : undefined;
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replace = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replace, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}
