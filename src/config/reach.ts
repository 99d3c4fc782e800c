import { z } from 'zod';
import { readReach } from '../policy/egress/reach.js';
import { line } from './quantities.js';

/** A line of a list of what may be reached: a preset or a rule, in its canonical form afterwards. */
export function reach(how: { readonly openAllowed: boolean }) {
  return line.pipe(z.string().max(300)).transform((text, context) => {
    const reading = readReach(text, how);
    if ('text' in reading) return reading.text;
    context.addIssue({ code: 'custom', message: reading.problem });
    return z.NEVER;
  });
}
