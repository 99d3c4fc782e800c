import { PaddockError } from '../../core/errors.js';
import { comparisonText } from '../../session/changes/comparison-text.js';
import { App } from '../app.js';
import type { CliCommand } from '../command.js';
import { report } from '../output.js';
import { sessionCopies } from '../session-copies.js';
import { settingsOf } from '../settings.js';

export const compare: CliCommand = {
  name: 'compare',
  usage: 'compare ID ID',
  summary: 'what two sessions over one project have changed, against each other',
  mostPositionals: 2,
  options: {},
  async run(context) {
    const [a, b] = context.positionals;
    if (a === undefined || b === undefined) throw new PaddockError('BAD_ARGUMENT', 'give two session ids');
    await using app = new App(await settingsOf(context), context.env);
    const comparison = await (await sessionCopies(app)).compare(a, b, context.signal);
    const differences = comparison.differences.map(({ path, a: one, b: other, isSame }) => ({
      ...{ path, isSame, ...(one && { a: one.kind }), ...(other && { b: other.kind }) },
    }));
    await report(context, { a, b, differences, isComplete: comparison.isComplete }, comparisonText(comparison, a, b));
    return 0;
  },
};
