import { reportText } from '../../doctor/report.js';
import { App } from '../app.js';
import type { CliCommand } from '../command.js';
import { checkHost } from '../host-check.js';
import { report } from '../output.js';
import { settingsOf } from '../settings.js';

export const doctor: CliCommand = {
  name: 'doctor',
  usage: 'doctor',
  summary: 'checks the host and starts a canary; 0 all well, 1 something fails, 2 cannot tell',
  options: {},
  async run(context) {
    await using app = new App(await settingsOf(context), context.env);
    const result = await checkHost(app, () => app.sessions('attached'), context.signal);
    await report(context, result, reportText(result));
    return result.exitCode;
  },
};
