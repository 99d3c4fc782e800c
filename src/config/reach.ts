import { z } from 'zod';
import { presetOf, presetText } from '../core/egress-presets.js';
import { parseRule } from '../policy/egress/rule.js';
import { line } from './quantities.js';

/** A line of a list of what may be reached: a preset or a rule, in its canonical form afterwards. */
export function reach(how: { readonly openAllowed: boolean }) {
  return line.pipe(z.string().max(300)).transform((text, context) => {
    const preset = presetOf(text);
    if (preset !== undefined) return presetText(preset);
    const reading = parseRule(text, how);
    if ('rule' in reading) return reading.rule.text;
    context.addIssue({ code: 'custom', message: reading.problem });
    return z.NEVER;
  });
}
