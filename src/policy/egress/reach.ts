import { presetOf, presetText } from '../../core/egress-presets.js';
import { parseRule } from './rule.js';

/** What may be reached, as it is kept: a preset or a rule in its canonical form; else what is wrong with it, in words. */
export function readReach(
  given: string,
  how: Parameters<typeof parseRule>[1],
): { readonly text: string } | { readonly problem: string } {
  const preset = presetOf(given);
  if (preset !== undefined) return { text: presetText(preset) };
  const reading = parseRule(given, how);
  return 'rule' in reading ? { text: reading.rule.text } : reading;
}
