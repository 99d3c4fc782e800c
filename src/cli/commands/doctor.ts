import { PaddockError } from '../../core/errors.js';
import { version } from '../../core/version.js';
import { type Checklist, checklistText } from '../../doctor/checklist/checklist.js';
import { type CheckReport, reportText } from '../../doctor/report.js';
import { toSarif } from '../../doctor/sarif.js';
import { App } from '../app.js';
import { type CliCommand, type CommandContext, isSet } from '../command.js';
import { checkHost, checklistHere } from '../host-check.js';
import { report, write } from '../output.js';
import { settingsOf } from '../settings.js';

export const doctor: CliCommand = {
  name: 'doctor',
  usage: 'doctor [--checklist] [--sarif]',
  summary: 'checks the host and starts a canary; 0 all well, 1 something fails, 2 cannot tell',
  options: {
    checklist: {
      type: 'boolean',
      help: 'in eight boxes, for a host that others rely on, with the rows of the CIS benchmark',
    },
    sarif: { type: 'boolean', help: 'prints a SARIF 2.1.0 log' },
  },
  async run(context) {
    if (isSet(context, 'sarif') && context.json) throw new PaddockError('BAD_ARGUMENT', '--sarif is JSON already');
    await using app = new App(await settingsOf(context), context.env);
    const sessions = () => app.sessions('attached');
    if (isSet(context, 'checklist')) return await show(context, await checklistHere(app, sessions, context.signal));
    return await show(context, await checkHost(app, sessions, context.signal));
  },
};

async function show(context: CommandContext, found: CheckReport | Checklist): Promise<number> {
  const { exitCode } = found;
  if (!isSet(context, 'sarif')) {
    await report(context, found, 'boxes' in found ? checklistText(found) : reportText(found));
    return exitCode;
  }
  const checks = 'boxes' in found ? [...new Set(found.boxes.flatMap((box) => box.checks))] : found.checks;
  const rows = 'boxes' in found ? found.rows : [];
  const tagsOf = (id: string) => rows.filter((row) => row.checks.includes(id)).map(({ row }) => `CIS-${row}`);
  const log = toSarif(checks, { version, exitCode, tagsOf });
  await write(context.terminal.stdout, `${JSON.stringify(log, undefined, 2)}\n`);
  return exitCode;
}
