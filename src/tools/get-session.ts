import { z } from 'zod';
import { known } from '../kit/known.js';
import type { Session } from '../session/session.js';
import {
  brokeredText,
  brokeredView,
  modelUsageText,
  modelUsageView,
  viewBrokered,
  viewModelUsage,
} from './broker-view.js';
import { defineTool } from './define-tool.js';
import { diskLines, diskView, viewDisk } from './disk-view.js';
import type { ToolServices } from './services.js';
import { usageFields, usageViewText, viewUsage } from './usage-view.js';
import { enforcementView, sessionText, sessionView, viewEnforcement, viewSession } from './views.js';

export const getSession = defineTool({
  name: 'get_session',
  title: 'Show one session',
  description:
    'Shows one session: state, limits, deadline, its commands, and the enforcement table: for every control what was asked, what ' +
    'the engine says, what the kernel confirms, and whether it is enforced, degraded, absent or unknown. usage is what it uses now ' +
    '(memory, CPU, processes, I/O, pressure, each with its source), trends its minimum, average and maximum over 1, 5 and 15 minutes, ' +
    'alarms what was alarming about it, models what its calls of models used, brokered what went to git hosts and routes.',
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  input: z.strictObject({ sessionId: z.string().max(64) }),
  output: sessionView.extend({
    ...usageFields,
    /** Absent where nothing on the disk can be written. */
    disk: diskView.optional(),
    /** Absent where it has no credential broker. */
    models: modelUsageView.optional(),
    brokered: brokeredView.optional(),
    enforcement: enforcementView,
    /** `in use`: each command has a cgroup of its own. Else why not. */
    commandCgroups: z.string(),
    commands: z.array(z.object({ commandId: z.string(), state: z.string(), program: z.string() })),
  }),
  async handle(services: ToolServices, { sessionId }, { signal }) {
    const session = services.sessions.get(sessionId);
    const view = viewSession(session, services.clock.now());
    const used = await viewUsage(session, services, signal);
    const enforcement = viewEnforcement(session);
    const own = known({ disk: viewDisk(session), models: viewModelUsage(session), brokered: viewBrokered(session) });
    const commandCgroups = await session.sandbox.commandCgroups;
    const commands = commandsOf(session);
    const table = enforcement.controls.map((c) => `  ${c.id}: ${c.status} – asked ${c.asked}, kernel ${c.kernel}`);
    return {
      structured: {
        ...{ ...view, ...used, ...own },
        ...{ enforcement, commandCgroups, commands },
      },
      text: [
        sessionText(view),
        usageViewText(used),
        ...diskLines(session),
        ...modelUsageText(own.models),
        ...brokeredText(own.brokered),
        'enforcement:',
        ...table,
        `a cgroup for each command: ${commandCgroups}`,
        `commands: ${commands.map((c) => `${c.commandId} ${c.state}`).join(', ') || 'none'}`,
      ].join('\n'),
    };
  },
});

/** Copies of files too: get_command and stop_command take their ids as well. */
function commandsOf({ commands, transfers }: Session) {
  const started = commands.map(({ id, argv, outcome }) => ({ id, outcome, program: (argv[0] ?? '').slice(0, 80) }));
  const copied = transfers.list.map(({ id, outcome }) => ({ id, outcome, program: 'transfer_files' }));
  return [...started, ...copied].map(({ id, outcome, program }) => {
    const state = outcome === undefined ? 'running' : 'error' in outcome ? 'failed' : 'finished';
    return { commandId: id, state, program };
  });
}
