import { App } from '../app.js';
import type { CliCommand } from '../command.js';
import { report, table } from '../output.js';
import { settingsOf } from '../settings.js';
import { oneId, recordOf } from './detached.js';
import { stateOf } from './ps.js';

export const inspect: CliCommand = {
  name: 'inspect',
  usage: 'inspect ID',
  summary: 'one session: its plan, its limits, and what the kernel confirms of them',
  mostPositionals: 1,
  options: {},
  async run(context) {
    await using app = new App(await settingsOf(context), context.env);
    const record = await recordOf(app, oneId(context.positionals));
    const state = await stateOf(record);
    const controls = record.evidence?.controls ?? [];
    const rows = controls.map((c) => [c.id, c.status, c.asked, c.engine, c.kernel]);
    const { limits } = record.spec;
    const text = [
      `${record.id} ${state}, container ${record.containerName} on ${record.engine.kind}, ends ${new Date(record.deadlineAtMs).toISOString()}`,
      `limits: memory ${limits.memoryBytes} bytes, cpu ${limits.cpuMillis / 1000}, pids ${limits.pids}`,
      table([['CONTROL', 'STATUS', 'ASKED', 'ENGINE', 'KERNEL'], ...rows]),
    ].join('\n');
    await report(context, { ...record, nonce: undefined, state }, text);
    return 0;
  },
};
