import { homedir } from 'node:os';
import { describeConfig } from '../../config/describe.js';
import { defaultPolicyPath } from '../../config/load.js';
import { PaddockError } from '../../core/errors.js';
import type { CliCommand } from '../command.js';
import { report, table } from '../output.js';
import { settingsOf } from '../settings.js';

export const config: CliCommand = {
  name: 'config',
  usage: 'config show|path',
  summary: 'the effective settings and where each came from',
  mostPositionals: 1,
  options: {},
  async run(context) {
    const [action] = context.positionals;
    if (action === 'path') {
      const user = `${context.env['XDG_CONFIG_HOME'] ?? `${homedir()}/.config`}/paddock/config.toml`;
      await report(context, { user, policy: defaultPolicyPath }, `${user}\n${defaultPolicyPath}`);
      return 0;
    }
    if (action !== 'show') throw new PaddockError('BAD_ARGUMENT', 'say show or path');
    const described = describeConfig(await settingsOf(context));
    const rows = described.settings.map((s) => [s.key, s.text, s.origin]);
    await report(context, described, table(rows));
    return 0;
  },
};
